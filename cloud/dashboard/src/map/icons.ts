/** The bus as seen from above, drawn once per theme: an image of our own instead of a sprite file. */

import type { MapColours } from "./palette";

const SIZE_PX = 30;
export const ICON_SCALE = 3;

export function busIcon(colours: MapColours, isOnline: boolean): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE_PX * ICON_SCALE;
  const pen = canvas.getContext("2d");
  if (pen === null) {
    return new ImageData(canvas.width, canvas.height);
  }
  pen.scale(ICON_SCALE, ICON_SCALE);
  drawBody(pen, isOnline ? colours.bus : colours.busOff, colours.halo);
  drawNose(pen, colours.busMark);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

function drawBody(pen: CanvasRenderingContext2D, fill: string, outline: string): void {
  pen.beginPath();
  pen.roundRect(9, 4, 12, 22, 4);
  pen.fillStyle = fill;
  pen.strokeStyle = outline;
  pen.lineWidth = 2.4;
  pen.stroke();
  pen.fill();
}

/** The windscreen shows which way the bus goes (up, before it is turned). */
function drawNose(pen: CanvasRenderingContext2D, colour: string): void {
  pen.beginPath();
  pen.moveTo(15, 7);
  pen.lineTo(18.6, 12.4);
  pen.lineTo(11.4, 12.4);
  pen.closePath();
  pen.fillStyle = colour;
  pen.fill();
}
