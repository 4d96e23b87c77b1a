-- Manifests by tag, each of another repository: /v2/grown/0/manifests/v0 and so on, drawn anew for every request.
dofile((debug.getinfo(1, 'S').source:sub(2):gsub('many%.lua$', 'wrk.lua')))

local repositories, tags, threads = 1, 1, 0

setup = function(thread)
  thread:set('seed', threads)
  threads = threads + 1
end

init = function(arguments)
  repositories, tags = tonumber(arguments[1]), tonumber(arguments[2])
  math.randomseed(os.time() + seed)
end

request = function()
  local repository, tag = math.random(0, repositories - 1), math.random(0, tags - 1)
  return wrk.format('GET', string.format('/v2/grown/%d/manifests/v%d', repository, tag))
end
