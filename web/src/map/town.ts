// The map as an imperative thing: made once, told about cameras and the theme, never re-rendered by React.

import {
  addProtocol,
  AttributionControl,
  LngLatBounds,
  Map as GlMap,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapLayerMouseEvent,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { Protocol } from "pmtiles";
import type { Camera, TownMap } from "../api";
import { BADGED, cameraMark, stateMark } from "./marks";
import { mapStyle, type Scheme } from "./style";

let ready = false;

export function prepare(): void {
  if (ready) return;
  setWorkerUrl(workerUrl);
  addProtocol("pmtiles", new Protocol().tile);
  ready = true;
}

export class TownView {
  private readonly map: GlMap;
  private cameras: Camera[] = [];
  private picked = "";
  private scheme: Scheme;
  private styled = false;
  private fitted = false;

  constructor(
    box: HTMLElement,
    private readonly town: TownMap,
    scheme: Scheme,
    private readonly onPick: (id: string) => void,
    onTrouble: (message: string) => void,
  ) {
    prepare();
    this.scheme = scheme;
    this.map = new GlMap({
      container: box,
      style: mapStyle(scheme, town.tiles, town.attribution),
      center: town.centre ?? [-0.1, 51.5],
      zoom: town.zoom,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 100,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new ScaleControl(), "bottom-left");
    this.map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this.map.getCanvas().setAttribute("aria-label", "Map of the cameras. The list beside it holds the same cameras.");
    this.map.on("styledata", () => this.dress());
    this.map.on("error", (event) => onTrouble(event.error.message));
    const pickFrom = (event: MapLayerMouseEvent): void => {
      const id = event.features?.[0]?.properties["id"] as string | undefined;
      if (id) this.onPick(id);
    };
    for (const layer of ["cameras", "camera-names"]) {
      this.map.on("click", layer, pickFrom);
      this.map.on("mouseenter", layer, () => (this.map.getCanvas().style.cursor = "pointer"));
      this.map.on("mouseleave", layer, () => (this.map.getCanvas().style.cursor = ""));
    }
  }

  setScheme(scheme: Scheme): void {
    if (scheme === this.scheme) return;
    this.scheme = scheme;
    this.styled = false;
    this.map.setStyle(mapStyle(scheme, this.town.tiles, this.town.attribution), { diff: false });
  }

  setCameras(cameras: Camera[]): void {
    this.cameras = cameras;
    this.show();
    this.fit();
  }

  setPicked(id: string): void {
    if (id === this.picked) return;
    this.picked = id;
    this.show();
    const camera = this.cameras.find((each) => each.id === id);
    if (camera?.lon != null && camera.lat != null && !this.map.getBounds().contains([camera.lon, camera.lat]))
      this.map.easeTo({ center: [camera.lon, camera.lat], duration: 150 });
  }

  /** Everything in sight again. */
  fit(force = false): void {
    if (this.fitted && !force) return;
    const bounds = new LngLatBounds();
    for (const camera of this.cameras) {
      if (camera.lon !== null && camera.lat !== null) bounds.extend([camera.lon, camera.lat]);
      const rings = camera.view?.type === "Polygon" ? camera.view.coordinates : (camera.view?.coordinates.flat() ?? []);
      for (const ring of rings) for (const point of ring) bounds.extend([point[0]!, point[1]!]);
    }
    if (bounds.isEmpty()) return;
    this.fitted = true;
    this.map.fitBounds(bounds, { padding: { top: 36, bottom: 44, left: 64, right: 64 }, maxZoom: 18.5, duration: force ? 150 : 0 });
  }

  resize(): void {
    this.map.resize();
  }

  close(): void {
    this.map.remove();
  }

  private dress(): void {
    if (this.styled || !this.map.getSource("cameras")) return;
    this.styled = true;
    const put = (name: string, image: ImageData): void => {
      if (!this.map.hasImage(name)) this.map.addImage(name, image, { pixelRatio: 2 });
    };
    put("camera-plain", cameraMark(this.scheme, false));
    put("camera-picked", cameraMark(this.scheme, true));
    for (const state of BADGED) put(`state-${state}`, stateMark(this.scheme, state));
    this.show();
  }

  private show(): void {
    if (!this.styled) return;
    const placed = this.cameras.filter((camera) => camera.lon !== null && camera.lat !== null);
    this.map.getSource<GeoJSONSource>("cameras")?.setData({
      type: "FeatureCollection",
      features: placed.map((camera) => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [camera.lon!, camera.lat!] },
        properties: {
          id: camera.id,
          name: camera.name,
          state: camera.state,
          bearing: camera.bearing_deg ?? 0,
          look: camera.id === this.picked ? "picked" : "plain",
        },
      })),
    });
    this.map.getSource<GeoJSONSource>("views")?.setData({
      type: "FeatureCollection",
      features: placed.flatMap((camera) =>
        camera.view ? [{ type: "Feature" as const, geometry: camera.view, properties: { id: camera.id } }] : [],
      ),
    });
    this.map.removeFeatureState({ source: "views" });
    if (this.picked) this.map.setFeatureState({ source: "views", id: this.picked }, { picked: true });
  }
}
