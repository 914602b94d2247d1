// Times npm @segment/actions-core on rows.ndjson: node mapping_kit.cjs FOLDER MAPPING_JSON REPEAT
const fs = require('fs')
const path = require('path')
const [folder, mappingText, repeatText] = process.argv.slice(2)
const core = path.join(folder, 'node_modules', '@segment', 'actions-core', 'dist', 'cjs')
const { transform, transformBatch } = require(path.join(core, 'mapping-kit', 'index.js'))
const { validateSchema } = require(path.join(core, 'schema-validation.js'))

const rows = fs.readFileSync(path.join(folder, 'rows.ndjson'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const mapping = JSON.parse(mappingText)
const schema = {
  $schema: 'http://json-schema.org/schema#',
  type: 'object',
  properties: {
    engage_space: { type: 'string' },
    user_id: { type: ['string', 'null'] },
    anonymous_id: { type: ['string', 'null'] },
    timestamp: { type: ['string', 'null'], format: 'date-like' },
    traits: { type: 'object', additionalProperties: true },
  },
  required: ['engage_space'],
}
const BATCH = 1000

function eachBatch(work) {
  for (let at = 0; at < rows.length; at += BATCH) work(rows.slice(at, at + BATCH))
}

function time(work) {
  const runs = []
  for (let run = 0; run < Number(repeatText); run++) {
    const started = process.hrtime.bigint()
    work()
    runs.push(Number(process.hrtime.bigint() - started) / 1e9)
  }
  return runs
}

const answer = {
  transform: time(() => rows.forEach((row) => transform(mapping, row))),
  transformBatch: time(() => eachBatch((batch) => transformBatch(mapping, batch))),
  'transformBatch + validateSchema': time(() =>
    eachBatch((batch) =>
      transformBatch(mapping, batch).forEach((payload) =>
        validateSchema(payload, schema, { schemaKey: 'identify', throwIfInvalid: false })
      )
    )
  ),
  'transformBatch + validateSchema + JSON.stringify': time(() =>
    eachBatch((batch) =>
      transformBatch(mapping, batch).forEach((payload) => {
        validateSchema(payload, schema, { schemaKey: 'identify', throwIfInvalid: false })
        JSON.stringify(payload)
      })
    )
  ),
  sample: transformBatch(mapping, rows.slice(0, 2000)),
}
process.stdout.write(JSON.stringify(answer))
