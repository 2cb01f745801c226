-- A claim may name a purchase by the number of its invoice, which is kept with what else the events say of it.
create index sales_invoice_numbers_idx on sales using gin ((evidence->'invoice_numbers'))
    where evidence ? 'invoice_numbers';
