-- A correction belongs to the period of the line beside which it stands, and is finalized and paid with it. Before this every
-- line below zero counted at any age, which is right for debts alone: a clawback, or an adjustment by hand.

-- When the line's money was earned, where that is not when it was written.
alter table commissions_ledger add column earned_at timestamptz;
update commissions_ledger c set earned_at = o.created_at
from commissions_ledger o
where c.kind = 'correction' and c.status in ('pending', 'approved', 'on_hold') and o.enrollment_id = c.enrollment_id and o.id = c.corrects;

create trigger commissions_ledger_earned before update on commissions_ledger for each row
    when (new.earned_at is distinct from old.earned_at) execute function refuse_line_change();

create or replace view payable_lines as
select enrollment_id, id, program_id, affiliate_id, sale_id, kind, status, amount_minor, currency, matures_at, created_at,
    coalesce(earned_at, created_at) as earned_at
from commissions_ledger
where status in ('approved', 'finalized') and payout_item_id is null and not stopped;

-- Whether a payout or a finalization with this cutoff takes a payable line: the one definition that both share. What reduces by
-- a line of its own counts at any age. Null cuts nothing off.
create function within_cutoff(
    kind text, amount_minor bigint, status text, matures_at timestamptz, earned_at timestamptz,
    matured_by timestamptz, earned_before timestamptz, only_finalized boolean
) returns boolean language sql immutable parallel safe as $$
    select (amount_minor < 0 and kind <> 'correction')
        or ((matured_by is null or matures_at <= matured_by) and (earned_before is null or earned_at < earned_before)
            and (not only_finalized or status = 'finalized'))
$$;

-- What can still change, by the time at which it was earned.
drop index commissions_ledger_open_idx;
create index commissions_ledger_open_idx on commissions_ledger (program_id, coalesce(earned_at, created_at))
    where status in ('pending', 'approved', 'on_hold');
