/** The parts of ECharts that are used, in a separate chunk. */
import { BarChart, HeatmapChart, LineChart, MapChart, SankeyChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { init, registerMap, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([
  LineChart,
  BarChart,
  SankeyChart,
  MapChart,
  HeatmapChart,
  VisualMapComponent,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  AriaComponent,
  SVGRenderer,
]);

export { init, registerMap };
