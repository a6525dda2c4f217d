-- Sends different bodies, one line of a file each; wrk ... -s requests.lua URL -- FILE FIRST
local prepared, index = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Host"] = wrk.host .. ":" .. wrk.port }
  for line in io.lines(arguments[1]) do
    prepared[#prepared + 1] = wrk.format("POST", wrk.path, headers, line)
  end
  index = tonumber(arguments[2]) % #prepared
end

function request()
  index = index % #prepared + 1
  return prepared[index]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("measured %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
