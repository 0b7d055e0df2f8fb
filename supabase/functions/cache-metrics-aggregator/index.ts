/** Takes the batches of cache collectors: the edge function itself. */

import { aggregator } from "./answer.ts";
import { readSettings } from "./settings.ts";
import { connect } from "./store.ts";

const settings = readSettings((name) => Deno.env.get(name));

Deno.serve(
  aggregator(settings, connect(settings), (event, detail) => console.error(JSON.stringify({ event, ...detail }))),
);
