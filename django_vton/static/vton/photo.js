/** The photo from a file or the camera. */

/** @import {Picture, Session, Start} from "./types" */

const STRIP_HEIGHT = 128;

/** Draws in strips, so that the page stays responsive. @param {CanvasImageSource} source @param {number} width @param {number} height
 * @param {Start["limits"]} limits @returns {Promise<Picture>} */
async function toJpeg(source, width, height, limits) {
  const scale = Math.min(1, limits.max_side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false, willReadFrequently: true }));
  context.fillStyle = "#fff"; // Transparent pixels would become black.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = scale < 0.4 ? "medium" : "low"; // "low" loses detail below half the size, "medium" is slow.
  const rows = height / canvas.height; // Rows of the source per row of the canvas.
  for (let top = 0; top < canvas.height; top += STRIP_HEIGHT) {
    const stripHeight = Math.min(STRIP_HEIGHT, canvas.height - top);
    // WebKit draws nothing if the rectangle exceeds the source.
    context.drawImage(source, 0, top * rows, width, Math.min(stripHeight * rows, height - top * rows), 0, top, canvas.width, stripHeight);
    context.getImageData(0, top, 1, 1); // Draws now, not in one long task at the end.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return { blob, canvas, name: "" };
}

/** The picture to send: the file itself if the browser cannot read it.
 * @param {File} file @param {Start["limits"]} limits @returns {Promise<Picture | string>} or the code of a refusal */
export async function prepare(file, limits) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    // Some systems do not know the media type of HEIC.
    const type = /hei[cf]$/i.test(file.type || file.name) ? "image/heic" : file.type;
    if (!limits.formats.includes(type)) return "photo_format";
    if (!file.size) return "photo_unreadable";
    return file.size > limits.max_bytes ? "photo_too_large" : { blob: file, canvas: null, name: file.name };
  }
  const { width, height } = bitmap;
  const scale = Math.min(1, limits.max_side / Math.max(width, height));
  // A panorama may become too narrow when it is shrunk.
  if (Math.round(Math.min(width, height) * scale) < limits.min_side) return "photo_too_small";
  const picture = await toJpeg(bitmap, width, height, limits);
  bitmap.close();
  return picture.blob ? picture : "photo_unreadable";
}

/** @param {HTMLVideoElement} video @returns {Promise<string | undefined>} the code of a refusal */
export async function startCamera(video) {
  try {
    const constraints = { facingMode: "user", width: { ideal: 1440 }, height: { ideal: 1920 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: constraints, audio: false });
    stopCamera(video); // It may have been started twice.
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    const { name } = /** @type {Error} */ (error);
    if (name === "AbortError") return undefined; // The shopper left before it started.
    if (name === "NotFoundError" || name === "OverconstrainedError") return "camera_absent";
    if (name !== "NotAllowedError") return "camera_failed";
    // @ts-expect-error Only some browsers have featurePolicy.
    return document.featurePolicy?.allowsFeature("camera") === false ? "camera_forbidden" : "camera_denied";
  }
}

/** @param {HTMLVideoElement} video */
export function stopCamera(video) {
  const stream = /** @type {MediaStream | null} */ (video.srcObject);
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/** @param {HTMLVideoElement} video @param {Session} session @returns {Promise<Picture>} the camera's picture, not mirrored */
export const takePhoto = (video, { start: { limits } }) => toJpeg(video, video.videoWidth, video.videoHeight, limits);
