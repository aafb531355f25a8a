import { LegendDisplayMode, LegendPlacement, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as SeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** One line, or one for each value of its labels. */
export interface Line {
  readonly expr: string;
  /** Grafana's template, such as `{{plan}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What a reader concludes from it. */
  readonly says: string;
  /** Grafana's unit: `s`, `bytes`, `short`, `percentunit`, `ops`. */
  readonly unit: string;
  readonly lines: readonly Line[];
  /** One number instead of a series. */
  readonly isNumber?: boolean;
}

export interface Board {
  /** Stands in its address. */
  readonly uid: string;
  readonly title: string;
  readonly says: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

const SOURCE = { type: 'prometheus', uid: '${source}' };
const WIDTH = 8;
const HEIGHT = 8;

const refOf = (index: number): string => String.fromCodePoint(65 + index);

const series = (): SeriesBuilder =>
  new SeriesBuilder().legend(
    new VizLegendOptionsBuilder()
      .showLegend(true)
      .displayMode(LegendDisplayMode.List)
      .placement(LegendPlacement.Bottom)
      .calcs([]),
  );

const panelOf = ({ title, says, unit, lines, isNumber = false }: Panel): StatBuilder | SeriesBuilder => {
  const builder = isNumber ? new StatBuilder() : series();
  builder.title(title).description(says).unit(unit).datasource(SOURCE).span(WIDTH).height(HEIGHT);
  for (const [index, { expr, legend }] of lines.entries())
    builder.withTarget(new DataqueryBuilder().refId(refOf(index)).expr(expr).legendFormat(legend).datasource(SOURCE));
  return builder;
};

/** Makes Grafana's document of a board. The data source is chosen on the board. */
export const dashboardOf = ({ uid, title, says, rows }: Board): Dashboard => {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(says)
    .tags(['fornax'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('source').label('Source').type('prometheus'));
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panelOf(panel));
  }
  return builder.build();
};

/** Every expression of a board. */
export const expressionsOf = ({ rows }: Board): readonly string[] =>
  rows.flatMap(({ panels }) => panels.flatMap(({ lines }) => lines.map(({ expr }) => expr)));
