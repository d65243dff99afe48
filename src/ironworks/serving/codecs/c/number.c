/* The nearest double to a decimal number, exactly, and mostly without big arithmetic.
 *
 * Digits are gathered in an integer w and a power of ten q, the number being w * 10^q.
 * 1. w < 2^53 and |q| <= 22: both are exact doubles, so their product or quotient is rounded once and right
 *    (Clinger, "How to read floating point numbers accurately", 1990).
 * 2. w of at most 19 digits and |q| <= 27: both are exact in 80-bit extended precision. Their product or quotient is
 *    within half a unit of its 64 bits; rounded again to 53, it is right unless the 11 bits that go lie beside their
 *    middle.
 * 3. Else Python's own conversion decides. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include "number.h"

#include <Python.h>
#include <float.h>
#include <string.h>

enum { MOST_DIGITS = 19 };

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#if LDBL_MANT_DIG == 64
enum { MOST_EXTENDED = 27 };
static const long double EXTENDED_TENS[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                            1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                            1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

static int extended(uint64_t digits, int power, double *result)
{
    if (power < -MOST_EXTENDED || power > MOST_EXTENDED)
        return 0;
    long double value = power < 0 ? digits / EXTENDED_TENS[-power] : digits * EXTENDED_TENS[power];
    uint64_t significand;
    memcpy(&significand, &value, sizeof significand);
    unsigned tail = significand & 0x7ff;
    if (tail >= 0x3ff && tail <= 0x401)
        return 0;
    *result = (double)value;
    return 1;
}
#else
static int extended(uint64_t digits, int power, double *result)
{
    (void)digits, (void)power, (void)result;
    return 0;
}
#endif

static int quick(uint64_t digits, int power, double *result)
{
    if (digits >> 53 == 0 && power >= -22 && power <= 22) {
        *result = power < 0 ? (double)digits / TENS[-power] : (double)digits * TENS[power];
        return 1;
    }
    return extended(digits, power, result);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether the eight characters in a little-endian word are digits. */
static int are_digits(uint64_t word)
{
    return ((word & 0xf0f0f0f0f0f0f0f0) | (((word + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) ==
           0x3333333333333333;
}

/* Their value: neighbours are joined to numbers of two, four and eight digits. */
static uint64_t eight_digits(uint64_t word)
{
    word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

/* Appends the digits at `text`, of which no more than 19 in all keep their value. */
static const char *gather(const char *text, const char *limit, uint64_t *digits)
{
    uint64_t word;
    while (limit - text >= 8) {
        memcpy(&word, text, 8);
        if (!are_digits(word))
            break;
        *digits = *digits * 100000000 + eight_digits(word);
        text += 8;
    }
    for (; is_digit(*text); text++)
        *digits = *digits * 10 + (uint64_t)(*text - '0');
    return text;
}

/* Reads `e-7`; the power is bounded, so that it cannot overflow. */
static const char *read_power(const char *text, int *power)
{
    int negative = text[1] == '-', value = 0;
    text += 1 + (text[1] == '-' || text[1] == '+');
    if (!is_digit(*text))
        return NULL;
    for (; is_digit(*text); text++)
        value = value < 10000 ? value * 10 + (*text - '0') : value;
    *power += negative ? -value : value;
    return text;
}

/* How many of the digits from `text` on are significant; a point may stand between them. */
static int significant(const char *text, const char *end)
{
    int count = 0;
    for (; text < end; text++)
        count += is_digit(*text) && (count > 0 || *text != '0');
    return count;
}

const char *read_number(const char *text, const char *limit, Number *number)
{
    const char *begin = text;
    int negative = *text == '-', power = 0;
    uint64_t digits = 0;
    const char *first = text += negative;
    if (!is_digit(*text) || (*text == '0' && is_digit(text[1])))
        return NULL;
    text = gather(text, limit, &digits);
    number->is_integer = *text != '.' && *text != 'e' && *text != 'E';
    if (*text == '.') {
        const char *fraction = text + 1;
        if (!is_digit(*fraction))
            return NULL;
        text = gather(fraction, limit, &digits);
        power = -(int)(text - fraction);
    }
    int whole = text - first <= MOST_DIGITS || significant(first, text) <= MOST_DIGITS;
    if ((*text == 'e' || *text == 'E') && (text = read_power(text, &power)) == NULL)
        return NULL;
    if (number->is_integer && (!whole || digits > INT64_MAX))
        return NULL;
    if (number->is_integer)
        number->integer = negative ? -(int64_t)digits : (int64_t)digits;
    if (!whole || !quick(digits, power, &number->real)) {
        char *end;
        number->real = PyOS_string_to_double(begin, &end, NULL);
    } else if (negative) {
        number->real = -number->real;
    }
    return text;
}
