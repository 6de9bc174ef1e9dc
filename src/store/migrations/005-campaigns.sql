-- The connector opens the deprovisions that follow from the decision on a page.
grant select, insert on requests to cs_connector;
create index cases_by_kind on cases (kind);
