// A small map: a press sets the middle of the place asked about, drawn with its radius. The coordinates beside it do the same.

import { useComputedColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Map as GlMap, NavigationControl, type GeoJSONSource } from "maplibre-gl";
import { useEffect, useRef, useState } from "react";
import { hub } from "../api";
import { mapStyle } from "../map/style";
import { prepare } from "../map/town";
import { circleRing } from "./partners";
import styles from "./Partners.module.css";

interface Spot {
  lat: number;
  lon: number;
  radius_m: number;
}

function draw(map: GlMap, spot: Spot | null): void {
  const data = {
    type: "FeatureCollection" as const,
    features: spot
      ? [{ type: "Feature" as const, properties: {}, geometry: { type: "Polygon" as const, coordinates: [circleRing(spot.lat, spot.lon, spot.radius_m)] } }]
      : [],
  };
  const known = map.getSource<GeoJSONSource>("asked");
  if (known) known.setData(data);
  else {
    map.addSource("asked", { type: "geojson", data });
    map.addLayer({ id: "asked-fill", type: "fill", source: "asked", paint: { "fill-color": "#14a3a3", "fill-opacity": 0.25 } });
    map.addLayer({ id: "asked-line", type: "line", source: "asked", paint: { "line-color": "#14a3a3", "line-width": 2 } });
  }
}

export default function PlaceMap({ spot, onPlace }: { spot: Spot | null; onPlace: (lat: number, lon: number) => void }) {
  const town = useQuery({ queryKey: ["map"], queryFn: hub.map, staleTime: Infinity });
  const scheme = useComputedColorScheme("dark");
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<GlMap | null>(null);
  const place = useRef(onPlace);
  place.current = onPlace;
  const shown = useRef(spot);
  shown.current = spot;
  const [trouble, setTrouble] = useState(false);

  useEffect(() => {
    if (!town.data || !box.current) return;
    let map: GlMap;
    try {
      prepare();
      map = new GlMap({
        container: box.current,
        style: mapStyle(scheme, town.data.tiles, town.data.attribution),
        center: town.data.centre ?? [-0.1, 51.5],
        zoom: town.data.zoom,
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        touchPitch: false,
      });
    } catch {
      setTrouble(true); // no WebGL: coordinates do the same
      return;
    }
    view.current = map;
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.getCanvas().setAttribute("aria-label", "Map: a press sets the place. The coordinates beside it do the same.");
    map.getCanvas().style.cursor = "crosshair";
    map.on("load", () => draw(map, shown.current));
    map.on("click", (event) => place.current(event.lngLat.lat, event.lngLat.lng));
    return () => {
      map.remove();
      view.current = null;
    };
  }, [town.data, scheme]);

  useEffect(() => {
    const map = view.current;
    if (!map?.isStyleLoaded()) return;
    draw(map, spot);
    if (spot && !map.getBounds().contains([spot.lon, spot.lat])) map.easeTo({ center: [spot.lon, spot.lat], duration: 150 });
  }, [spot]);

  if (trouble || town.error) return <p className="quiet">The map can't be drawn here. Type the coordinates.</p>;
  return <div ref={box} className={styles.map} data-testid="place-map" />;
}
