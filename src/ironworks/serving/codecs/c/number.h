/* Reading one number of JSON's grammar. */

#ifndef IRONWORKS_NUMBER_H
#define IRONWORKS_NUMBER_H

#include <stdint.h>

typedef struct {
    int is_integer; /* written without a point and an exponent */
    int64_t integer; /* if it is one */
    double real; /* the double nearest to the number, also of an integer */
} Number;

/* Reads the number that begins at `text`; the text ends with a NUL at `limit`. Answers where it ends; NULL if none
 * begins there, or an integer of more than 64 bits. The caller holds the GIL. */
const char *read_number(const char *text, const char *limit, Number *number);

#endif
