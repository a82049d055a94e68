/** Find out whether a photo is complete. Browsers also show incomplete ones, and do not tell. */

/** @import {Picture, Session} from "./types" */

/** The file itself is sent if only the shop can find out whether pixels are missing. Offline, this script does not load, and the picture is sent as it is shown.
 * @param {Session} session @param {File} file @param {Picture | string} picture @returns {Promise<Picture | string>} or the code of a refusal */
export async function check({ start: { limits } }, file, picture) {
  if (typeof picture === "string" || !picture.canvas || !limits.formats.includes(file.type)) return picture;
  const isTooLarge = file.size > limits.max_bytes;
  const bytes = await file.arrayBuffer();
  const text = new TextDecoder("latin1").decode(bytes);
  // A progressive JPEG that is cut is shown completely, but blurred.
  if (/^\xff\xd8[^]*\xff\xc2\0[^]\x08/.test(text.slice(0, 1e6)) && !isTooLarge) return { ...picture, blob: file };
  const isComplete =
    file.type === "image/jpeg"
      ? text.lastIndexOf("\xff\xd9") > text.lastIndexOf("\xff\xda") && !hasGrayCorner(picture.canvas)
      : file.type === "image/png"
        ? text.includes("IEND")
        : file.type !== "image/webp" || new DataView(bytes).getUint32(4, true) + 8 <= file.size;
  if (isComplete) return picture;
  return isTooLarge ? "photo_too_large" : { blob: file, canvas: null, name: file.name };
}

/** If data follows that ends like an image, browsers make missing pixels gray. @param {HTMLCanvasElement} canvas */
function hasGrayCorner(canvas) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  return [0, 1, 2, 3].some((corner) => {
    const x = (corner & 1) * (canvas.width - 1);
    const y = (corner >> 1) * (canvas.height - 1);
    return context.getImageData(x, y, 1, 1).data.every((value, index) => index > 2 || Math.abs(value - 128) < 3);
  });
}
