-- For wrk: random people of the Profile API. Arguments: Basic credentials, path with {} for a number, people, a seed.
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end

function init(args)
  before, after = args[2]:match("^(.-){}(.*)$")
  people, headers = tonumber(args[3]), { ["Authorization"] = "Basic " .. args[1] }
  math.randomseed(tonumber(args[4]) + number)
end

function request() return wrk.format("GET", before .. math.random(0, people - 1) .. after, headers) end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
