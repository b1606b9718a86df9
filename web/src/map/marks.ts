// Camera marks drawn on a canvas: a body that points where the camera looks, and a badge of shape and colour for its state.

import type { CameraState } from "../api";
import type { Scheme } from "./style";

const SCALE = 2;

function draw(size: number, paint: (context: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * SCALE;
  const context = canvas.getContext("2d")!;
  context.scale(SCALE, SCALE);
  paint(context);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Points north; the map turns it. */
export function cameraMark(scheme: Scheme, picked: boolean): ImageData {
  const fill = picked ? (scheme === "dark" ? "#5fcabf" : "#0f716a") : scheme === "dark" ? "#e6ecf2" : "#1d2731";
  const edge = scheme === "dark" ? "#0b0f14" : "#ffffff";
  return draw(30, (context) => {
    context.translate(15, 15);
    context.lineWidth = 2;
    context.strokeStyle = edge;
    context.fillStyle = fill;
    context.lineJoin = "round";
    context.beginPath();
    context.arc(0, 1, 8, 0, 2 * Math.PI);
    context.stroke();
    context.fill();
    context.beginPath();
    context.moveTo(0, -13);
    context.lineTo(6, -5);
    context.lineTo(-6, -5);
    context.closePath();
    context.stroke();
    context.fill();
    context.fillStyle = edge;
    context.beginPath();
    context.arc(0, 1, 3, 0, 2 * Math.PI);
    context.fill();
  });
}

const BADGE: Record<Scheme, { amber: string; red: string; quiet: string; edge: string }> = {
  dark: { amber: "#f0b64a", red: "#ff8a80", quiet: "#9aa7b4", edge: "#0b0f14" },
  light: { amber: "#8a5a00", red: "#b3261e", quiet: "#56626f", edge: "#ffffff" },
};

export const BADGED: CameraState[] = ["connecting", "waiting", "denied", "refused", "off", "imported", "unknown"];

export function stateMark(scheme: Scheme, state: CameraState): ImageData {
  const colour = BADGE[scheme];
  return draw(16, (context) => {
    context.translate(8, 8);
    context.fillStyle = colour.edge;
    context.beginPath();
    context.arc(0, 0, 8, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = context.strokeStyle =
      state === "denied" || state === "refused" ? colour.red : state === "waiting" || state === "unknown" ? colour.amber : colour.quiet;
    context.lineWidth = 2;
    context.beginPath();
    if (state === "waiting" || state === "unknown") {
      context.moveTo(0, -5);
      context.lineTo(5.5, 4.5);
      context.lineTo(-5.5, 4.5);
      context.closePath();
      context.fill();
    } else if (state === "denied" || state === "refused") {
      context.moveTo(-4, -4);
      context.lineTo(4, 4);
      context.moveTo(4, -4);
      context.lineTo(-4, 4);
      context.stroke();
    } else if (state === "connecting") {
      context.arc(0, 0, 4, 0, 2 * Math.PI);
      context.stroke();
    } else {
      context.moveTo(-5, 0);
      context.lineTo(5, 0);
      context.stroke();
    }
  });
}
