#!/bin/sh
# Table operations as one pipeline, and what they say about mistakes.
. "$(dirname "$0")/lib.sh"
cat >sales.csv <<'CSV'
city,item,price,sold
Bern,tea,4.5,2024-01-05
Basel,tea,5,2024-02-11
Bern,coffee,,2024-02-12
Basel,coffee,6.25,2024-03-01
Bern,tea,4.5,2024-01-05
CSV
printf 'item,maker\ntea,Ann\ncoffee,Bob\n' >makers.csv

check group sh -c "$leat table sales.csv --group 'city: n = count(), mean(price)' --sort 'city' -o - >out.csv"
check group-rows sh -c "printf 'city,n,price_mean\nBasel,2,5.625\nBern,3,4.5\n' | cmp - out.csv"
check pipeline sh -c "$leat table sales.csv --filter 'price > 4 and item == \"tea\"' --derive 'month = month(sold)' --join 'makers.csv on item' --select 'city, month, maker' --dedupe '' -o pipe.csv"
check pipeline-rows sh -c "printf 'city,month,maker\nBern,1,Ann\nBasel,2,Ann\n' | cmp - pipe.csv"
check impute sh -c "$leat table sales.csv --impute 'median(price)' --encode 'onehot(item)' -o full.jsonl"
has impute-rows full.jsonl '"price": 4.75' '"item_tea"'
check split sh -c "$leat table iris --split '20% by species' --rest test.csv -o train.csv"
check split-rows sh -c "test \$(wc -l <train.csv) = 121 && test \$(wc -l <test.csv) = 31"
fails split-to-one 2 "same file|train.csv" $leat table iris --split 20% --rest train.csv -o train.csv
check split-kept sh -c "test \$(wc -l <train.csv) = 121"
check same-for-threads sh -c "$leat table iris --shuffle --threads 1 -o a.csv && $leat table iris --shuffle --threads 4 -o b.csv && cmp a.csv b.csv"
check no-columns sh -c "$leat table iris --drop 'sepal_length, sepal_width, petal_length, petal_width, species' | grep -c . | grep -qx 2"
check time-json sh -c "$leat describe sales.csv --json | grep -q '\"least\":\"2024-01-05T00:00:00Z\"'"
check json sh -c "$leat table iris --head 2 --json | python3 -m json.tool"
check gzip sh -c "gzip -k sales.csv && $leat table sales.csv.gz --head 1 -o - | grep -q Bern"
printf 'id\n9007199254740993\n' >ids.csv
check long-numbers sh -c "$leat table ids.csv | grep -q 9007199254740993"
# What is no file is written to, not replaced; a link stays one, and its file as private as it was.
mkfifo pipe
check pipe sh -c "cat pipe >piped.csv & $leat table iris --head 3 -o pipe && wait && test -p pipe && test \$(wc -l <piped.csv) = 4"
: >real.csv
chmod 600 real.csv
ln -s real.csv link.csv
check link sh -c "$leat table iris --head 3 -o link.csv && test -h link.csv && test \$(wc -l <real.csv) = 4 && ls -l real.csv | grep -q '^-rw-------'"
check stdin sh -c "$leat table - --tail 1 -o - <sales.csv | grep -q tea"

# Texts come out as they were read; bools are true and false alone.
printf 'id,member,vip,on\n1,yes,Y,true\n2,No,N,false\n' >members.csv
check words sh -c "$leat table members.csv -o - | cmp - members.csv"
check words-as-bools sh -c "$leat table members.csv --types member:bool,vip:bool --filter 'member and vip' -o - | grep -qx '1,true,true,true'"
# A file that is joined takes its own options, and keys that are texts here are texts there.
printf 'id;price\n007;1,5\n8;-999\n' >prices.csv
printf 'id,n\n007,1\n8,2\nA9,3\n' >stock.csv
check join-options sh -c "$leat table stock.csv --join 'prices.csv with delimiter=; decimal=, missing=-999 on id' -o - >priced.csv && printf 'id,n,price\n007,1,1.5\n8,2,\n' | cmp - priced.csv"
printf 'id,price\n7,1.5\n8,2.25\n' >whole.csv
check join-text sh -c "$leat table stock.csv --join 'whole.csv on id' -o - | grep -qx '8,2,2.25'"
printf 'id,n\n1.50,4\n' >more.csv
check concat-text sh -c "$leat table stock.csv --concat 'more.csv' -o - | grep -qx '1.50,4'"
check concat-options sh -c "$leat table stock.csv --concat 'prices.csv with delimiter=;' --select id -o - | tail -n 1 | grep -qx 8"
cp more.csv 'more with n.csv'
check concat-name sh -c "$leat table stock.csv --concat 'more with n.csv' -o - | grep -qx '1.50,4'"
fails join-option 2 "no reading option 'delimeter'|delimiter" $leat table stock.csv --join 'prices.csv with types=id:text delimeter=; on id'
fails join-header 2 "header takes yes or no" $leat table stock.csv --join 'prices.csv with header=maybe on id'

fails query 2 "sales.csv is none|--filter" $leat table sales.csv --query 'SELECT city FROM sales'
fails caret 2 "a value was expected here|price >> 3|^" $leat table sales.csv --filter 'price >> 3'
fails column 3 "Did you mean 'price'?" $leat table sales.csv --filter 'prcie > 3'
fails quotes 3 'a text stands in quotes: "Bern"' $leat table sales.csv --filter 'city == Bern'
fails truth 2 "true or false|whole|^" $leat table sales.csv --filter 1
fails mean 2 "mean(city)|text" $leat table sales.csv --group 'item: mean(city)'
fails scaled 2 "'city' is text" $leat table sales.csv --scale 'standard(city)'
fails type 2 "cannot take text" $leat table sales.csv --filter 'city > 3'
fails aggregate 2 "avg" $leat table sales.csv --group 'city: avg(price)'
fails join 3 "no file nothing.csv" $leat table sales.csv --join 'nothing.csv on item'
check json-array sh -c "$leat table sales.csv --head 2 -o two.json && python3 -c 'import json; assert [r[\"price\"] for r in json.load(open(\"two.json\"))] == [4.5, 5.0]' && $leat table two.json -o two.csv && $leat table sales.csv --head 2 -o - | cmp - two.csv"
fails foreign 2 "out.parquet|it writes csv, tsv, jsonl, json" $leat table sales.csv -o out.parquet
check foreign-format $leat table sales.csv -o out.parquet --format csv
fails packed 2 "does not write" $leat table sales.csv -o out.csv.gz
fails folder 4 "cannot write" $leat table sales.csv -o none/out.csv
printf '名前,x\n東京タワー,1\nab,inf\n' >wide.csv
check wide-letters sh -c "$leat table wide.csv | grep -q '^  ab          inf$'"
check infinite sh -c "$leat describe wide.csv | grep -q '1 .. 1 .. 1, 1 infinite'"
check infinite-json sh -c "$leat describe wide.csv --json | grep -q '\"infinite\":1[,}]'"
check nothing-left sh -c "! ls | grep -q tmp"
finish
