/** A photo of the shopper's: read, shrunk, or taken by the camera. */

/** @import {Picture, Session, Start} from "./types" */

const STRIP = 128;

/** In strips, between which the page can answer. @param {CanvasImageSource} source @param {number} width @param {number} height
 * @param {Start["limits"]} limits @returns {Promise<Picture>} */
async function draw(source, width, height, limits) {
  const scale = Math.min(1, limits.max_side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false, willReadFrequently: true }));
  context.fillStyle = "#fff"; // Under what is transparent: JPEG would make it black.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = scale < 0.4 ? "medium" : "low"; // Low loses detail below half the size, medium is slow.
  const rows = height / canvas.height; // Of the source, for each of the canvas.
  for (let top = 0; top < canvas.height; top += STRIP) {
    const high = Math.min(STRIP, canvas.height - top);
    // WebKit draws nothing from a rectangle that passes the source's edge, by however little.
    context.drawImage(source, 0, top * rows, width, Math.min(high * rows, height - top * rows), 0, top, canvas.width, high);
    context.getImageData(0, top, 1, 1); // Forces the drawing now, so that it is not one long task at the end.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return { blob, canvas, name: "" };
}

/** What is sent for a file: itself, where only the shop may be able to read it.
 * @param {File} file @param {Start["limits"]} limits @returns {Promise<Picture | string>} or what is wrong with it */
export async function prepare(file, limits) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    // Some systems know no type for HEIC, only the name.
    const type = /hei[cf]$/i.test(file.type || file.name) ? "image/heic" : file.type;
    if (!limits.formats.includes(type)) return "photo_format";
    if (!file.size) return "photo_unreadable";
    return file.size > limits.max_bytes ? "photo_too_large" : { blob: file, canvas: null, name: file.name };
  }
  const { width, height } = bitmap;
  const [short, long] = [width, height].sort((a, b) => a - b);
  // A panorama is only too narrow once it is shrunk.
  if (Math.round(short * Math.min(1, limits.max_side / long)) < limits.min_side) return "photo_too_small";
  const picture = await draw(bitmap, width, height, limits);
  bitmap.close();
  return picture.blob ? picture : "photo_unreadable";
}

/** @param {HTMLVideoElement} video @returns {Promise<string | undefined>} why not */
export async function startCamera(video) {
  try {
    const picture = { facingMode: "user", width: { ideal: 1440 }, height: { ideal: 1920 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: picture, audio: false });
    stopCamera(video); // Asked twice.
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    const { name } = /** @type {Error} */ (error);
    if (name === "AbortError") return undefined; // Left before it began.
    if (name === "NotFoundError" || name === "OverconstrainedError") return "camera_absent";
    if (name !== "NotAllowedError") return "camera_failed";
    // @ts-expect-error Only some browsers tell the two apart.
    return document.featurePolicy?.allowsFeature("camera") === false ? "camera_forbidden" : "camera_denied";
  }
}

/** @param {HTMLVideoElement} video */
export function stopCamera(video) {
  const stream = /** @type {MediaStream | null} */ (video.srcObject);
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/** @param {HTMLVideoElement} video @param {Session} session @returns {Promise<Picture>} what the camera sees, not mirrored */
export const snap = (video, { start: { limits } }) => draw(video, video.videoWidth, video.videoHeight, limits);
