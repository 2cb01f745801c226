-- A draft writes the lines of thousands of payouts at once. Its foreign keys looked each of them up, and locked what they found,
-- one by one, which took longer than writing them. Payouts and commission lines are never deleted and never change their keys
-- (triggers refuse it), so looking once, when a statement ends, proves the same for good. It also holds each amount to its line's.

alter table payout_item_lines drop constraint payout_item_lines_enrollment_id_item_id_fkey;
alter table payout_item_lines drop constraint payout_item_lines_enrollment_id_line_id_fkey;

create function payout_item_lines_exist() returns trigger language plpgsql as $$
declare
    stray record;
begin
    select a.item_id, a.line_id into stray
    from added a
    left join payout_items i on i.enrollment_id = a.enrollment_id and i.id = a.item_id
    left join commissions_ledger l on l.enrollment_id = a.enrollment_id and l.id = a.line_id
    where i.id is null or l.id is null or l.amount_minor <> a.amount_minor or l.currency <> i.currency
    limit 1;
    if found then
        raise exception 'payout % can''t pay line % with that amount', stray.item_id, stray.line_id
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
create trigger payout_item_lines_exist after insert on payout_item_lines
    referencing new table as added for each statement execute function payout_item_lines_exist();

-- The same for the entries of postings; and what each posting moves must sum to zero, in each of its currencies.
alter table ledger_entries drop constraint ledger_entries_enrollment_id_seq_fkey;

create function ledger_entries_balance() returns trigger language plpgsql as $$
declare
    wrong record;
begin
    select a.enrollment_id, a.seq, sum(a.amount_minor) as rest, bool_or(t.id is null) as is_stray into wrong
    from added a left join ledger_transactions t on t.enrollment_id = a.enrollment_id and t.seq = a.seq
    group by a.enrollment_id, a.seq, a.currency
    having sum(a.amount_minor) <> 0 or bool_or(t.id is null)
    limit 1;
    if found then
        raise exception 'the entries of posting % of enrollment % %', wrong.seq, wrong.enrollment_id,
            case when wrong.is_stray then 'have no transaction' else format('leave %s over', wrong.rest) end
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
create trigger ledger_entries_balance after insert on ledger_entries
    referencing new table as added for each statement execute function ledger_entries_balance();

-- What a payout pays is in payout_item_lines, so nothing asks for it here; each line's way into a payout wrote to this too.
drop index commissions_ledger_item_idx;

-- Asked in the trigger's condition, which costs a fraction of a call for every line.
drop trigger commissions_ledger_moves on commissions_ledger;
drop function commission_line_moves();

create function refuse_line_change() returns trigger language plpgsql as $$
begin
    raise exception 'commission line % never changes; write a line that corrects it', old.id
        using errcode = 'integrity_constraint_violation';
end $$;
create trigger commissions_ledger_content before update on commissions_ledger for each row when (
    (new.enrollment_id, new.id, new.program_id, new.affiliate_id, new.kind, new.amount_minor, new.currency, new.reason,
        new.explanation, new.cause, new.matures_at, new.created_at)
    is distinct from
    (old.enrollment_id, old.id, old.program_id, old.affiliate_id, old.kind, old.amount_minor, old.currency, old.reason,
        old.explanation, old.cause, old.matures_at, old.created_at)
    or (new.campaign_id, new.rule_version_id, new.conversion_id, new.sale_id, new.corrects, new.reversed_item_id)
    is distinct from
    (old.campaign_id, old.rule_version_id, old.conversion_id, old.sale_id, old.corrects, old.reversed_item_id))
    execute function refuse_line_change();

create function refuse_line_move() returns trigger language plpgsql as $$
begin
    raise exception 'commission line % can''t go from % to %', old.id, old.status, new.status
        using errcode = 'integrity_constraint_violation';
end $$;
create trigger commissions_ledger_moves before update on commissions_ledger for each row when (
    new.status <> old.status and not (
        (old.status = 'pending' and new.status in ('approved', 'on_hold', 'cancelled'))
        or (old.status = 'approved' and new.status in ('finalized', 'on_hold', 'cancelled'))
        or (old.status = 'on_hold' and new.status in (old.held_from, 'cancelled'))
        or (old.status = 'finalized' and new.status = 'paid')))
    execute function refuse_line_move();
