-- A payment that was counted as an invoice's because the two were alike, and turned out not to be: a sale of its own again.
create table sale_releases (
    payment_id uuid not null references sales (id),
    invoice_id uuid not null references sales (id),
    -- When the payment was taken for the invoice's, and by which event.
    merged_at timestamptz not null,
    merged_cause text not null,
    released_at timestamptz not null,
    released_because text not null check (released_because in ('described', 'other_payment', 'nearer', 'unlike')),
    released_cause text not null
);
create index sale_releases_payment_id_idx on sale_releases (payment_id, released_at);
create index sale_releases_invoice_id_idx on sale_releases (invoice_id, released_at);
