/** The shapes of the countries (Natural Earth, public domain, by world-atlas), named by their ISO 3166-1 codes. */
import iso from "iso-3166-1";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json";

const topology = atlas as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
const ANTARCTICA = "AQ";

type Ring = number[][];

/** Shifts shapes that cross 180°, so that they do not stretch across the whole map. */
function unwrapped(ring: Ring): Ring {
  const crosses = ring.some(
    (point, at) => Math.abs((point[0] ?? 0) - (ring[at - 1]?.[0] ?? point[0] ?? 0)) > 180,
  );
  return crosses ? ring.map(([x = 0, y = 0]) => [x < 0 ? x + 360 : x, y]) : ring;
}

/** GeoJSON with features named by two-letter codes; features without a code keep their name. */
export function countries() {
  const shapes = feature(topology, topology.objects.countries);
  for (const feature of shapes.features) {
    const shape = feature.geometry;
    if (shape.type === "Polygon") shape.coordinates = shape.coordinates.map(unwrapped);
    if (shape.type === "MultiPolygon")
      shape.coordinates = shape.coordinates.map((polygon) => polygon.map(unwrapped));
    const code = iso.whereNumeric(String(feature.id ?? ""))?.alpha2;
    feature.properties = { name: code ?? String(feature.properties?.name ?? "") };
  }
  return {
    ...shapes,
    features: shapes.features.filter((feature) => feature.properties?.name !== ANTARCTICA),
  };
}
