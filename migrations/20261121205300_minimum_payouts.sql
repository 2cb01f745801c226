-- The least that is paid, by currency. The program's own currency keeps `programs.min_payout_minor`.

create table program_min_payouts (
    program_id uuid not null references programs (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null check (amount_minor >= 0),
    primary key (program_id, currency)
);

-- The program's minimums in other currencies than its own, as an object of minor units by currency.
create function other_min_payouts(of_program uuid) returns jsonb language sql stable as $$
    select coalesce(jsonb_object_agg(currency, amount_minor), '{}') from program_min_payouts where program_id = of_program
$$;

-- The minimum that somebody was below when a batch left them out, in minor units of the row's currency.
alter table payout_skipped add column minimum_minor bigint;
