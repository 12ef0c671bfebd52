import { Box } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { useMemo } from "react";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import countries from "world-atlas/countries-110m.json";

export interface MapPoint {
  id: string;
  name: string;
  at: [longitude: number, latitude: number];
  marked?: boolean;
}

export interface MapLine {
  id: string;
  name: string;
  from: [number, number];
  to: [number, number];
  marked?: boolean;
}

interface Props {
  label: string; // what it shows; a table beside it has the same
  points: MapPoint[];
  lines?: MapLine[];
  onPoint?: (id: string) => void;
  onLine?: (id: string) => void;
}

const world = countries as unknown as Topology<{ countries: GeometryCollection }>;
const land = feature(world, world.objects.countries);

// WorldMap draws places and lines between them. Great circles stand for lines.
export default function WorldMap({ label, points, lines = [], onPoint, onLine }: Props) {
  const { ref, width } = useElementSize();
  const w = Math.max(280, Math.round(width) || 900);
  const h = Math.round(w * 0.48);
  const { path, project, ground } = useMemo(() => {
    const all = [...points.map((p) => p.at), ...lines.flatMap((l) => [l.from, l.to])];
    const projection = geoNaturalEarth1();
    // What is shown fills the picture, but never closer than a continent.
    const frame = all.length > 1 ? spread(all) : { type: "Sphere" as const };
    projection.fitExtent(
      [
        [16, 16],
        [w - 16, h - 16],
      ],
      frame as never,
    );
    const path = geoPath(projection);
    return { path, project: projection, ground: path(land) ?? "" };
  }, [points, lines, w, h]);
  const size = w < 500 ? 10 : 12;
  // A name is left out where it would lie on another: what is marked comes first.
  const named = useMemo(() => {
    const taken: [number, number][] = [];
    const out = new Set<string>();
    for (const p of [...points].sort((a, b) => Number(Boolean(b.marked)) - Number(Boolean(a.marked)))) {
      const at = project(p.at);
      if (!at || (!p.marked && out.size >= 16) || taken.some(([x, y]) => Math.abs(x - at[0]) < 120 && Math.abs(y - at[1]) < 16)) continue;
      taken.push(at);
      out.add(p.id);
    }
    return out;
  }, [points, project]);
  return (
    <Box ref={ref} className="map">
      <svg viewBox={`0 0 ${w} ${h}`} width="100%" height={h} role={onPoint || onLine ? "group" : "img"} aria-label={label}>
        <path d={ground} className="land" />
        {lines.map((l) => (
          <path
            key={l.id}
            d={path({ type: "LineString", coordinates: [l.from, l.to] }) ?? ""}
            className="line"
            data-marked={l.marked || undefined}
            role={onLine ? "button" : undefined}
            tabIndex={onLine ? 0 : undefined}
            aria-label={l.name}
            aria-pressed={onLine ? Boolean(l.marked) : undefined}
            onClick={() => onLine?.(l.id)}
            onKeyDown={(e) => press(e, () => onLine?.(l.id))}
          >
            <title>{l.name}</title>
          </path>
        ))}
        {points.map((p) => {
          const at = project(p.at);
          if (!at) return null;
          const [x, y] = at;
          return (
            <g
              key={p.id}
              className="spot"
              data-marked={p.marked || undefined}
              transform={`translate(${x} ${y})`}
              role={onPoint ? "button" : undefined}
              tabIndex={onPoint ? 0 : undefined}
              aria-label={p.name}
              aria-pressed={onPoint ? Boolean(p.marked) : undefined}
              onClick={() => onPoint?.(p.id)}
              onKeyDown={(e) => press(e, () => onPoint?.(p.id))}
            >
              <circle r={12} className="target" />
              <circle r={p.marked ? 6 : 4.5} className="dot-of" />
              {named.has(p.id) && (
                <text x={x > w - 110 ? -9 : 9} y={4} fontSize={size} textAnchor={x > w - 110 ? "end" : "start"}>
                  {p.name}
                </text>
              )}
              <title>{p.name}</title>
            </g>
          );
        })}
      </svg>
    </Box>
  );
}

function press(e: { key: string; preventDefault: () => void }, f: () => void) {
  if (e.key !== "Enter" && e.key !== " ") return;
  e.preventDefault();
  f();
}

// spread is what the picture has to hold: all points, and some degrees around them.
function spread(all: [number, number][]) {
  const lon = all.map((p) => p[0]);
  const lat = all.map((p) => p[1]);
  const room = 8;
  const west = Math.max(-179, Math.min(...lon) - room);
  const east = Math.min(179, Math.max(...lon) + room);
  const south = Math.max(-60, Math.min(...lat) - room);
  const north = Math.min(80, Math.max(...lat) + room);
  return { type: "MultiPoint", coordinates: [[west, south], [west, north], [east, south], [east, north]] };
}
