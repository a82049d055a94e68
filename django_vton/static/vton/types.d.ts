/** Types of the REST API and of the scripts. Only the type checker reads this file; no page loads it. */

export interface Photo {
  id: string;
  kind: "own" | "house";
  name: string;
  labels: string[];
  /** Kinds of products; empty means any. */
  suits: string[];
  url: string;
  thumbnail_url: string;
  width: number;
  height: number;
  expires_at: string | null;
}

export interface Image {
  id: string;
  url: string;
  thumbnail_url: string;
  download_url: string;
  width: number;
  height: number;
  content_type: string;
  alt: string;
  /** Why the image is probably not what was ordered; the message is for the shopper. */
  flaw: { code: string; message: string } | null;
}

export interface TryOn {
  id: string;
  product: string;
  product_title: string;
  product_url: string;
  page_url: string;
  status: "queued" | "processing" | "completed" | "failed" | "canceled";
  counted: boolean;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  expires_at: string | null;
  /** 0 to 1; changes only with the status. */
  progress: number;
  typical_seconds: number | null;
  photo: Photo | null;
  images: Image[];
  feedback: "like" | "dislike" | null;
  error: { code: string; message: string; retryable: boolean } | null;
}

export interface Start {
  csrf_token: string;
  lang: string;
  enabled: boolean;
  reason: string | null;
  product: { ref: string; title: string; url: string; image_url: string; kind: string };
  consent: { required: boolean; version: string; text: string; url: string };
  photos: Photo[];
  house_models: Photo[];
  active: TryOn[];
  latest: TryOn | null;
  quota: { limit: number; remaining: number; resets_at: string } | null;
  limits: { max_bytes: number; min_side: number; max_side: number; formats: string[] };
  retention: { photo_hours: number; result_days: number };
  typical_seconds: number | null;
  links: { history: string; privacy: string };
}

/** The shopper's photo, ready to be sent. */
export interface Picture {
  blob: Blob;
  /** null if the browser cannot read the file. */
  canvas: HTMLCanvasElement | null;
  /** The file's name if there is no canvas, else "". */
  name: string;
}

export interface CallOptions {
  body?: XMLHttpRequestBodyInit | null;
  headers?: Record<string, string>;
  type?: XMLHttpRequestResponseType;
  /** Called with the share that has been sent, 0 to 1. */
  onProgress?: (share: number) => void;
}

export interface Answer {
  status: number;
  data: any;
  header: (name: string) => string | null;
}

export interface Modules {
  api: typeof import("./api.js");
  photo: typeof import("./photo.js");
  choose: typeof import("./choose.js");
  tryon: typeof import("./tryon.js");
}

export type Session = Awaited<ReturnType<typeof import("./dialog.js").open>>;
