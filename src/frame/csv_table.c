/* Owns: the rows of the reader table for delimited text. */
#include "frame/csv_read.h"

/* Text without control characters may be a table; every other format is asked first. */
static int sniff(const char *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)head[i] < ' ' && !strchr("\t\n\r", head[i])) return LEATI_SNIFF_NO;
    return LEATI_SNIFF_MAYBE;
}

const leati_reader leati_reader_csv = {"csv", ".csv .txt .data",
                                       "text with a delimiter that is found out, perhaps a header",
                                       sniff, leati_csv_frame};
const leati_reader leati_reader_tsv = {"tsv", ".tsv .tab", "text delimited by tabs", NULL,
                                       leati_csv_frame};
