"""Functions that a SQL model may call, and parsed nodes that it may not.

SQLGlot knows most functions by a node of their own; those are harmless but for `DENIED_NODES`. A function that it does
not know is refused unless it is listed here for its dialect.
"""

from __future__ import annotations

DENIED_NODES = frozenset(
    {
        "ReadCSV",
        "ReadParquet",
        "NextValueFor",
        "Stage",
        "ExternalQuery",
        "NetFunc",
        "Predict",
        "MLForecast",
        "MLTranslate",
        "GenerateEmbedding",
        "GenerateText",
        "GenerateTable",
        "GenerateBool",
        "GenerateInt",
        "GenerateDouble",
        "VectorSearch",
        "FeaturesAtTime",
        "AIClassify",
        "AIAgg",
        "AISummarizeAgg",
        "AIEmbed",
        "AISimilarity",
        "AIForecast",
        "LoadExtension",
        "Getextract",
        "XMLTable",
        "OpenJSON",
    }
)

VOLATILE_NODES = {
    "Rand": "The query uses a random number: every row looks changed at every sync.",
    "Randn": "The query uses a random number: every row looks changed at every sync.",
    "Uuid": "The query makes new ids: every row looks changed at every sync.",
    "CurrentTimestamp": "The query uses the current time: in a mapped column it makes every row look changed.",
}

_ANY = """
now current_date current_timestamp today abs acos ascii asin atan atan2 bit_length btrim ceil ceiling
char_length character_length chr concat concat_ws cos cot degrees exp floor greatest initcap instr isnan
isfinite isinf lcase least left length ln log log10 log2 lower lpad ltrim md5 mod nullif nvl nvl2 octet_length
pi position pow power radians regexp_count regexp_extract regexp_extract_all regexp_full_match regexp_instr
regexp_like regexp_matches regexp_replace regexp_substr repeat replace reverse right round rpad rtrim sha1
sha256 sign sin split split_part sqrt starts_with ends_with strpos substr substring tan to_char to_date to_hex
to_number to_timestamp translate trim trunc ucase unicode upper width_bucket zeroifnull
"""

_DIALECTS = {
    "duckdb": """
        age array_agg array_aggr array_append array_concat array_contains array_distinct array_extract
        array_filter array_has array_has_all array_has_any array_length array_position array_slice array_sort
        array_to_string array_transform array_unique base64 bar bin bit_count cbrt century constant_or_null
        contains cot damerau_levenshtein date_add date_diff date_part date_sub date_trunc datediff datepart
        datetrunc datesub day dayname dayofmonth dayofweek dayofyear decade element_at encode decode entropy
        epoch epoch_ms epoch_ns epoch_us era even factorial favg first flatten format formatReadableDecimalSize
        format_bytes from_base64 from_hex from_json fsum gamma gcd greatest_common_divisor hamming hash hex
        histogram hour isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json json_array
        json_array_length json_contains json_each json_exists json_extract json_extract_path
        json_extract_path_text json_extract_string json_group_array json_group_object json_keys json_merge_patch
        json_object json_quote json_serialize_sql json_structure json_transform json_transform_strict json_type
        json_valid json_value julian kahan_sum kurtosis last last_day lcm levenshtein list list_aggr
        list_aggregate list_append list_apply list_concat list_contains list_cosine_similarity list_distinct
        list_extract list_filter list_has list_has_all list_has_any list_indexof list_intersect list_pack
        list_position list_prepend list_reduce list_reverse list_reverse_sort list_slice list_sort list_sum
        list_transform list_unique list_value list_zip mad make_date make_time make_timestamp make_timestamptz
        map map_contains map_entries map_extract map_from_entries map_keys map_values max_by median microsecond
        millennium millisecond min_by minute mode month monthname nanosecond nextafter nfc_normalize
        not_ilike_escape not_like_escape ord parse_dirname parse_filename prefix product quantile quantile_cont
        quantile_disc quarter range generate_series regexp_escape regexp_split_to_array regexp_split_to_table
        regr_slope row row_to_json sem skewness str_split str_split_regex strftime string_agg string_split
        string_split_regex string_to_array strip_accents strlen strptime struct_extract struct_insert
        struct_pack suffix time_bucket timezone timezone_hour timezone_minute to_base to_base64 to_binary
        to_days to_hours to_json to_microseconds to_milliseconds to_minutes to_months to_seconds to_weeks
        to_years transaction_timestamp try_strptime typeof unbin unhex union_extract union_tag unnest url_decode
        url_encode var_pop var_samp week weekday weekofyear xor year yearweek any_value arg_max arg_min
        approx_count_distinct approx_quantile bit_and bit_or bit_xor bool_and bool_or corr count_if count_star
        covar_pop covar_samp
        """,
    "postgres": """
        age array_agg array_append array_cat array_length array_position array_remove array_replace
        array_to_json array_to_string array_upper bool_and bool_or cardinality cbrt date_bin date_part
        date_trunc div encode decode every extract factorial format isfinite json_agg json_array_elements
        json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
        json_extract_path json_extract_path_text json_object_agg json_object_keys json_typeof jsonb_agg
        jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
        jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys
        jsonb_path_query jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof justify_days justify_hours
        make_date make_interval make_timestamp make_timestamptz normalize num_nonnulls num_nulls overlay
        parse_ident quote_literal regexp_match regexp_split_to_array regexp_split_to_table row_to_json scale
        sha224 sha384 sha512 string_agg string_to_array timezone to_json to_jsonb trim_scale unaccent unnest
        generate_series
        """,
    "redshift": """
        add_months date_add date_part date_part_year dateadd datediff date_trunc decode func_sha1 getdate
        interval_cmp is_valid_json is_valid_json_array isnull json_array_length json_extract_array_element_text
        json_extract_path_text json_parse json_serialize last_day len listagg median months_between next_day
        nvl2 object quote_ident sha2 split_to_array strtol sysdate text_to_int_alt timeofday to_char unnest
        """,
    "snowflake": """
        add_months array_agg array_append array_cat array_compact array_construct array_contains array_distinct
        array_size array_slice array_to_string as_array as_char as_object as_varchar base64_decode_string
        base64_encode charindex check_json coalesce collate compress_string contains date_from_parts date_part
        date_trunc dateadd datediff dayname decode div0 div0null endswith equal_null flatten get get_path hash
        hash_agg hex_decode_string hex_encode iff ifnull is_array is_null_value is_object insert
        jarowinkler_similarity last_day len listagg monthname months_between next_day object_agg
        object_construct object_construct_keep_null object_delete object_insert object_keys object_pick parse_ip
        parse_json parse_url previous_day rlike rtrimmed_length sha2 soundex startswith strip_null_value strtok
        strtok_to_array time_slice timeadd timediff timestamp_from_parts timestampadd timestampdiff to_array
        to_boolean to_decimal to_double to_json to_object to_time to_timestamp_ltz to_timestamp_ntz
        to_timestamp_tz to_varchar to_variant try_parse_json try_to_boolean try_to_date try_to_decimal
        try_to_double try_to_number try_to_timestamp typeof uuid_nil
        """,
    "bigquery": """
        any_value array array_agg array_concat array_length array_reverse array_to_string byte_length
        code_points_to_string contains_substr countif date_add date_diff date_from_unix_date date_sub date_trunc
        datetime datetime_add datetime_diff datetime_sub datetime_trunc div edit_distance farm_fingerprint
        format format_date format_datetime format_time format_timestamp from_base64 from_hex generate_array
        generate_date_array ieee_divide is_inf is_nan json_array json_extract json_extract_array
        json_extract_scalar json_extract_string_array json_keys json_object json_query json_query_array
        json_type json_value json_value_array lax_bool lax_float64 lax_int64 lax_string logical_and logical_or
        normalize normalize_and_casefold parse_date parse_datetime parse_json parse_time parse_timestamp
        range_bucket safe_add safe_cast safe_convert_bytes_to_string safe_divide safe_multiply safe_negate
        safe_subtract sha512 soundex string string_agg struct time time_add time_diff timestamp timestamp_add
        timestamp_diff timestamp_micros timestamp_millis timestamp_seconds timestamp_sub timestamp_trunc
        to_base32 to_base64 to_code_points to_json to_json_string unix_date unix_micros unix_millis unix_seconds
        unnest
        """,
}

PURE_FUNCTIONS: dict[str, frozenset[str]] = {
    "any": frozenset(_ANY.split()),
    **{name: frozenset(text.lower().split()) for name, text in _DIALECTS.items()},
}
