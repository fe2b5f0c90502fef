-- How long the codes of each list are, without a look at the codes: a search after a write asks that of all lists.
create index vector_codes_length on vector_codes (engine_id, list, length(entries));
