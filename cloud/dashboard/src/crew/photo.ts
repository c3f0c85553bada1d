/** A photo made small enough to be sent over a weak network; drawing it anew also drops where and when it was taken. */

const LONGEST_PX = 1920;
const QUALITY = 0.85;

export async function shrinkPhoto(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("the photo cannot be read")) : resolve(blob)), "image/jpeg", QUALITY);
  });
}
