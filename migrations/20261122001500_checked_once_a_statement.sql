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
