-- The gate of an incident holds the rows of every fence around it; where none was raised yet the connector makes the
-- row, which says that there is none.
grant insert (kind, id) on fences to cs_connector;
