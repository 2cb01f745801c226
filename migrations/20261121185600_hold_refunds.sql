-- The refunds that are weighed with a hold for too many of them: when it has ended they don't count again, up to this amount.

create table hold_refunds (
    enrollment_id uuid not null,
    hold_id uuid not null,
    -- Stripe's id: re_…, dp_…, or ch_… for a running sum.
    refund_id text not null,
    sale_id uuid not null references sales (id),
    amount_minor bigint not null,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    refunded_at timestamptz not null,
    primary key (enrollment_id, hold_id, refund_id),
    foreign key (enrollment_id, hold_id) references holds (enrollment_id, id)
);
create index hold_refunds_refund_idx on hold_refunds (enrollment_id, refund_id);

-- What went back lately is looked for among the few sales of which something did.
create index sales_given_back_idx on sales (id) where given_back <> '[]';
