// What make docs-check runs: docs/asyncapi.json by the specification's own parser, and docs/schemas, with the examples in them, by a
// validator of JSON Schema that is not the tests' own. Prints what is wrong; exits 1 if something is.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const DOCS = new URL("../../docs/", import.meta.url);
const INFORMATION = 2; // and hints, 3: a newer version of the specification is out, and the like
const faults = [];

const { document, diagnostics } = await new Parser().parse(readFileSync(new URL("asyncapi.json", DOCS), "utf8"));
for (const { severity, path, message } of diagnostics) {
  if (severity < INFORMATION) faults.push(`docs/asyncapi.json: ${path.join(".")}: ${message}`);
}
const operations = document ? document.operations().all().length : 0;
if (operations === 0) faults.push("docs/asyncapi.json: no operation is in it");

const ajv = addFormats(new Ajv({ allErrors: true, strictTypes: false, strictRequired: false }));
for (const name of ["alert", "event", "command"]) {
  const schema = JSON.parse(readFileSync(new URL(`schemas/${name}.json`, DOCS), "utf8"));
  try {
    const validate = ajv.compile(schema);
    for (const example of schema.examples ?? []) {
      if (!validate(example)) faults.push(`docs/schemas/${name}.json: example: ${ajv.errorsText(validate.errors)}`);
    }
  } catch (error) {
    faults.push(`docs/schemas/${name}.json: ${error.message}`);
  }
}

faults.forEach((fault) => console.error(fault));
if (faults.length === 0) console.log(`docs/asyncapi.json: valid, ${operations} operations; docs/schemas: valid`);
process.exitCode = faults.length ? 1 : 0;
