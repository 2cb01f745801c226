-- What a batch's manifest names: the payouts that it was drafted with, without those that were left out, and without those that
-- try another of the batch again, which were added later. The one definition that seals a batch, checks it before it is paid, and
-- proves it afterwards.
create view manifest_items as
select i.batch_id, i.id, i.enrollment_id, i.currency, i.amount_minor, i.rail, i.destination
from payout_items i
where i.status <> 'left_out' and (i.retry_of is null or not exists (
    select 1 from payout_items tried
    where tried.enrollment_id = i.enrollment_id and tried.id = i.retry_of and tried.batch_id = i.batch_id));
