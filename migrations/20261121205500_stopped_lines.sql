-- A finalized line that is in no payout (its payout failed, or was never sent) can be stopped by a hold like any other unpaid
-- line. It stays finalized, so its amount is locked as before; its money stands in `held` instead of `payable`.

alter table commissions_ledger add column stopped boolean not null default false;
-- Whatever drafts or tries again: a stopped line is in no payout.
alter table commissions_ledger add constraint commissions_ledger_stopped_check
    check (not stopped or (status = 'finalized' and payout_item_id is null));

-- What a payout may take: approved lines, and finalized ones that are in no payout, unless a hold stops them. The one
-- definition that totals, drafts and retries share.
create or replace view payable_lines as
select enrollment_id, id, program_id, affiliate_id, sale_id, kind, status, amount_minor, currency, matures_at, created_at
from commissions_ledger
where status in ('approved', 'finalized') and payout_item_id is null and not stopped;

-- Which lines an open hold is about, whatever their status: all of its enrollment, those of its sale, those that it was placed
-- on and the others of their sales. The one definition that stops what is new, stops what comes back from a payout, and warns.
create view open_hold_reach as
select h.enrollment_id, h.id as hold_id, h.reason_kind, h.reason, l.id as line_id
from holds h join commissions_ledger l on l.enrollment_id = h.enrollment_id
where h.status = 'open' and (h.scope = 'enrollment' or (h.scope = 'sale' and h.sale_id = l.sale_id)
    or (h.scope = 'lines' and exists (
        select 1 from hold_lines s join commissions_ledger o on o.enrollment_id = s.enrollment_id and o.id = s.line_id
        where s.enrollment_id = h.enrollment_id and s.hold_id = h.id and (s.line_id = l.id or o.sale_id = l.sale_id))));

-- Few holds are open at once: whose lines to look at is found from them.
create index holds_open_enrollment_idx on holds (enrollment_id) where status = 'open';
