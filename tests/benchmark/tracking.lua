-- For wrk: events with ids of their own. Arguments: Basic credentials, events a request, a salt for the ids.
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end

function init(args)
  credentials, events, salt, sent = args[1], tonumber(args[2]), args[3], 0
  path = events == 1 and "/v1/track" or "/v1/batch"
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Basic " .. credentials }
end

local function event()
  sent = sent + 1
  local id = salt .. "-" .. number .. "-" .. sent
  return '{"type":"track","event":"Order Completed","userId":"u-' .. (sent % 1000) .. '","messageId":"' .. id ..
    '","timestamp":"2026-11-25T12:00:00.000Z","properties":{"orderId":"' .. id .. '","total":42.5,"currency":"EUR",' ..
    '"products":[{"sku":"a-1","quantity":2},{"sku":"b-7","quantity":1}]},' ..
    '"context":{"library":{"name":"analytics-python","version":"2.4.0"}}}'
end

function request()
  local body
  if events == 1 then
    body = event()
  else
    local all = {}
    for place = 1, events do all[place] = event() end
    body = '{"batch":[' .. table.concat(all, ",") .. '],"sentAt":"2026-11-25T12:00:01.000Z"}'
  end
  return wrk.format("POST", path, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
