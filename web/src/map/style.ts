// The map's look in both themes, over the vector layers ground, roads, buildings and places.
// Labels need no glyph server: without `glyphs` MapLibre draws text with fonts of this machine.

import type { ExpressionSpecification, StyleSpecification } from "maplibre-gl";

export type Scheme = "dark" | "light";

interface Colours {
  land: string;
  road: string;
  pavement: string;
  path: string;
  grass: string;
  car_park: string;
  playground: string;
  court: string;
  water: string;
  tree: string;
  building: string;
  buildingEdge: string;
  label: string;
  quietLabel: string;
  halo: string;
  view: string;
  viewEdge: string;
}

const COLOURS: Record<Scheme, Colours> = {
  dark: {
    land: "#141b22",
    road: "#2c3742",
    pavement: "#222c35",
    path: "#2a343d",
    grass: "#18261f",
    car_park: "#242e38",
    playground: "#2b2a1f",
    court: "#20303a",
    water: "#10283a",
    tree: "#22382c",
    building: "#35414d",
    buildingEdge: "#4a5866",
    label: "#d9e0e7",
    quietLabel: "#9aa7b4",
    halo: "#0b0f14",
    view: "#35b6aa",
    viewEdge: "#5fcabf",
  },
  light: {
    land: "#f1f2ef",
    road: "#ffffff",
    pavement: "#e6e7e4",
    path: "#ece8dc",
    grass: "#d9e8cf",
    car_park: "#e2e4e8",
    playground: "#f1e5c4",
    court: "#d7e5ea",
    water: "#bcd9ea",
    tree: "#b5d3a6",
    building: "#cbd1d8",
    buildingEdge: "#a9b2bc",
    label: "#171d24",
    quietLabel: "#4b5763",
    halo: "#ffffff",
    view: "#0f716a",
    viewEdge: "#0f716a",
  },
};

const FONT = ["sans-serif"];

export function mapStyle(scheme: Scheme, tiles: string | null, attribution: string): StyleSpecification {
  const colour = COLOURS[scheme];
  const surface: ExpressionSpecification = [
    "match",
    ["get", "kind"],
    "road",
    colour.road,
    "pavement",
    colour.pavement,
    "path",
    colour.path,
    ["grass", "garden"],
    colour.grass,
    "car_park",
    colour.car_park,
    "playground",
    colour.playground,
    "court",
    colour.court,
    "bin_store",
    colour.car_park,
    "water",
    colour.water,
    colour.pavement,
  ];
  const picked: ExpressionSpecification = ["boolean", ["feature-state", "picked"], false];
  const style: StyleSpecification = {
    version: 8,
    sources: {
      ...(tiles ? { town: { type: "vector" as const, url: `pmtiles://${new URL(tiles, location.href).href}`, attribution } } : {}),
      views: { type: "geojson", data: { type: "FeatureCollection", features: [] }, promoteId: "id" },
      cameras: { type: "geojson", data: { type: "FeatureCollection", features: [] }, promoteId: "id" },
    },
    layers: [
      { id: "land", type: "background", paint: { "background-color": colour.land } },
      { id: "ground", type: "fill", source: "town", "source-layer": "ground", paint: { "fill-color": surface } },
      {
        id: "roads",
        type: "line",
        source: "town",
        "source-layer": "roads",
        filter: ["==", ["geometry-type"], "LineString"],
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": colour.road,
          "line-width": ["interpolate", ["exponential", 2], ["zoom"], 12, 0.8, 15, ["match", ["get", "kind"], "main", 4.5, "service", 2, 3], 18, ["match", ["get", "kind"], "main", 26, "service", 12, 18]],
        },
      },
      {
        id: "walks",
        type: "line",
        source: "town",
        "source-layer": "walks",
        minzoom: 15,
        paint: { "line-color": colour.path, "line-width": ["interpolate", ["exponential", 2], ["zoom"], 15, 0.8, 18, 6] },
      },
      {
        id: "trees",
        type: "circle",
        source: "town",
        "source-layer": "trees",
        minzoom: 15.5,
        paint: {
          "circle-color": colour.tree,
          "circle-radius": ["interpolate", ["exponential", 2], ["zoom"], 15, 1.5, 18, 9],
          "circle-opacity": 0.7,
        },
      },
      {
        id: "buildings",
        type: "fill",
        source: "town",
        "source-layer": "buildings",
        paint: { "fill-color": colour.building, "fill-outline-color": colour.buildingEdge },
      },
      {
        id: "view",
        type: "fill",
        source: "views",
        paint: { "fill-color": colour.view, "fill-opacity": ["case", picked, 0.4, 0.16] },
      },
      {
        id: "view-edge",
        type: "line",
        source: "views",
        paint: { "line-color": colour.viewEdge, "line-opacity": ["case", picked, 1, 0.45], "line-width": ["case", picked, 2, 1] },
      },
      {
        id: "road-names",
        type: "symbol",
        source: "town",
        "source-layer": "roads",
        filter: ["==", ["geometry-type"], "LineString"],
        layout: {
          "symbol-placement": "line",
          "text-field": ["get", "name"],
          "text-font": FONT,
          "text-size": 12,
        },
        paint: { "text-color": colour.quietLabel, "text-halo-color": colour.halo, "text-halo-width": 1.2 },
      },
      {
        id: "building-names",
        type: "symbol",
        source: "town",
        "source-layer": "buildings",
        minzoom: 16,
        filter: ["all", ["has", "name"], ["!=", ["get", "name"], ""], ["in", ["get", "kind"], ["literal", ["block", "hall", "shop"]]]],
        layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 12, "text-max-width": 7 },
        paint: { "text-color": colour.quietLabel, "text-halo-color": colour.halo, "text-halo-width": 1.2 },
      },
      {
        id: "places",
        type: "symbol",
        source: "town",
        "source-layer": "places",
        minzoom: 15,
        layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 12, "text-max-width": 8 },
        paint: { "text-color": colour.quietLabel, "text-halo-color": colour.halo, "text-halo-width": 1.2 },
      },
      {
        id: "camera-names",
        type: "symbol",
        source: "cameras",
        minzoom: 15.5,
        layout: {
          "text-field": ["get", "name"],
          "text-font": FONT,
          "text-size": 12,
          "text-variable-anchor": ["top", "bottom", "left", "right"],
          "text-radial-offset": 1.75,
          "text-padding": 1,
          "text-max-width": 9,
          "text-optional": true,
        },
        paint: { "text-color": colour.label, "text-halo-color": colour.halo, "text-halo-width": 1.6 },
      },
      {
        id: "cameras",
        type: "symbol",
        source: "cameras",
        layout: {
          "icon-image": ["concat", "camera-", ["get", "look"]],
          "icon-rotate": ["get", "bearing"],
          "icon-rotation-alignment": "map",
          "icon-padding": 0,
          "icon-allow-overlap": true, // shown always; placed before the labels, which make room
          "icon-size": ["interpolate", ["linear"], ["zoom"], 13, 0.6, 17, 1],
        },
      },
      {
        id: "camera-state",
        type: "symbol",
        source: "cameras",
        filter: ["!=", ["get", "state"], "recording"],
        layout: {
          "icon-image": ["concat", "state-", ["get", "state"]],
          "icon-offset": [11, -11],
          "icon-allow-overlap": true,
          "icon-ignore-placement": true,
        },
      },
    ],
  };
  // Without a town the cameras and their views still stand where they are.
  if (!tiles) style.layers = style.layers.filter((layer) => !("source" in layer) || layer.source !== "town");
  return style;
}
