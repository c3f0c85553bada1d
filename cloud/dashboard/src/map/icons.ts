/** What is drawn as a picture on the map, once per theme: images of our own instead of a sprite file. */

import type { MapColours } from "./palette";

const SIZE_PX = 30;
const SIGN_PX = 22;
/** Around their middle; the legend draws the same. */
export const SHAPES: Readonly<Record<Shape, string>> = {
  diamond: "M0 -6.5L6.5 0L0 6.5L-6.5 0z",
  square: "M-5 -5h10v10h-10z",
  triangle: "M0 -6.5L6.5 5H-6.5z",
  cross: "M-2 -7h4v5h5v4h-5v5h-4v-5h-5v-4h5z",
};
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

export type Shape = "diamond" | "square" | "cross" | "triangle";

/** A sign that is told by its form, not by its colour alone. */
export function signIcon(shape: Shape, fill: string, outline: string, isHollow = false): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIGN_PX * ICON_SCALE;
  const pen = canvas.getContext("2d");
  if (pen === null) {
    return new ImageData(canvas.width, canvas.height);
  }
  pen.scale(ICON_SCALE, ICON_SCALE);
  pen.translate(SIGN_PX / 2, SIGN_PX / 2);
  pen.lineJoin = "round";
  const path = new Path2D(SHAPES[shape]);
  pen.strokeStyle = outline;
  pen.lineWidth = 5;
  pen.stroke(path);
  pen.strokeStyle = fill;
  pen.lineWidth = 2;
  pen.stroke(path);
  pen.fillStyle = isHollow ? outline : fill;
  pen.fill(path);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
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
