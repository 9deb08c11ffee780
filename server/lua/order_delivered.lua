#!lua flags=allow-oom
-- Clients acknowledged a warning; at most 200 in a call, one record for all. Includes: _lib _session _order
-- ARGV 1 oid · 2.. sids
-- Answers { delivered }. Repeated: nothing more happens.
local oid = ARGV[1]
local told = {}
for i = 2, #ARGV do
  local receipt = receipt_of(oid, ARGV[i])
  if receipt and not receipt.deliveredAt then
    receipt.deliveredAt = NOW
    if receipt.state == 'targeted' then receipt.state = 'delivered' end
    save_receipt(oid, ARGV[i], receipt)
    told[#told + 1] = ARGV[i]
  end
end
if #told > 0 then
  count(oid, 'delivered', #told)
  record('order.acked', SYSTEM, { orderId = oid, details = { state = 'delivered', sessions = told } })
end
return answer({ delivered = #told })
