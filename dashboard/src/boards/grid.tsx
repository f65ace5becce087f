/** The grid of a board, loaded when a board is shown: tiles that are dragged, resized, or moved by the arrow keys. */
import ReactGridLayout, { type LayoutItem, useContainerWidth, verticalCompactor } from "react-grid-layout";
import "react-grid-layout/css/styles.css";
import type { ReactNode } from "react";
import type { Tile } from "../client/api";

const COLUMNS = 12;
const ROW = 76;

export default function Grid(props: {
  tiles: Tile[];
  fixed: boolean;
  change: (tiles: Tile[]) => void;
  children: (tile: Tile) => ReactNode;
}) {
  const { width, containerRef, mounted } = useContainerWidth();
  const narrow = width < 640;
  const layout: LayoutItem[] = props.tiles.map(({ id, x, y, w, h }) => ({
    i: id,
    x,
    y,
    w,
    h,
    minW: 2,
    minH: 1,
  }));
  const changed = (items: readonly LayoutItem[]) => {
    const places = new Map(items.map((item) => [item.i, item]));
    const tiles = props.tiles.map((tile) => {
      const place = places.get(tile.id);
      return place ? { ...tile, x: place.x, y: place.y, w: place.w, h: place.h } : tile;
    });
    if (JSON.stringify(tiles) !== JSON.stringify(props.tiles)) props.change(tiles);
  };
  if (narrow && mounted) {
    const ordered = [...props.tiles].sort((a, b) => a.y - b.y || a.x - b.x);
    return (
      <div ref={containerRef} className="space-y-4">
        {ordered.map((tile) => (
          <div key={tile.id} style={{ minHeight: Math.max(1, tile.h) * ROW }} className="flex">
            {props.children(tile)}
          </div>
        ))}
      </div>
    );
  }
  return (
    <div ref={containerRef} dir="ltr" className="-m-2">
      {mounted && (
        <ReactGridLayout
          width={width}
          layout={layout}
          gridConfig={{ cols: COLUMNS, rowHeight: ROW, margin: [16, 16], containerPadding: [8, 8] }}
          dragConfig={{ enabled: !props.fixed, handle: ".board-handle" }}
          resizeConfig={{ enabled: !props.fixed, handles: ["se"] }}
          compactor={verticalCompactor}
          onDragStop={changed}
          onResizeStop={changed}
        >
          {props.tiles.map((tile) => (
            <div key={tile.id} dir={document.documentElement.dir} className="flex">
              {props.children(tile)}
            </div>
          ))}
        </ReactGridLayout>
      )}
    </div>
  );
}
