-- A payout of a draft can be left out: its lines go back, and the row stays as the record of who decided so.

alter table payout_items drop constraint payout_items_status_check;
alter table payout_items add constraint payout_items_status_check check
    (status in ('pending', 'sending', 'posted', 'failed', 'processing', 'unresolved', 'reversed', 'left_out'));

create or replace function payout_item_moves() returns trigger language plpgsql as $$
begin
    if (new.enrollment_id, new.id, new.batch_id, new.program_id, new.affiliate_id, new.currency, new.amount_minor,
        new.payment_method_id, new.rail, new.destination, new.idempotency_key, new.created_at)
        is distinct from
       (old.enrollment_id, old.id, old.batch_id, old.program_id, old.affiliate_id, old.currency, old.amount_minor,
        old.payment_method_id, old.rail, old.destination, old.idempotency_key, old.created_at)
       or new.retry_of is distinct from old.retry_of
    then
        raise exception 'payout item % never changes what it pays', old.id using errcode = 'integrity_constraint_violation';
    end if;
    if new.status <> old.status and not (
        (old.status = 'pending' and new.status in ('sending', 'left_out'))
        or (old.status = 'sending' and new.status in ('pending', 'posted', 'failed', 'processing', 'unresolved'))
        or (old.status in ('processing', 'unresolved') and new.status in ('posted', 'failed'))
        or (old.status = 'posted' and new.status = 'reversed'))
    then
        raise exception 'payout item % can''t go from % to %', old.id, old.status, new.status
            using errcode = 'integrity_constraint_violation';
    end if;
    if old.transfer_id is not null and new.transfer_id is distinct from old.transfer_id then
        raise exception 'payout item % has its transfer', old.id using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;

-- Why an admin left somebody out, in their words.
alter table payout_skipped add column note text;
