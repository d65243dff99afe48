/* Walks the trees of a table. What is written in capitals is defined before this, for one ensemble. */
#include <math.h>
#include <stdint.h>

typedef struct {
  float threshold;
  uint16_t feature, left;
} slot;

extern const float weights[] __attribute__((visibility("hidden")));
static const slot *const slots = (const slot *)(weights + SLOTS);
static const float *const exact = weights + EXACT;
static const uint8_t *const kinds = (const uint8_t *)(weights + KINDS);
static const float *const leaves = weights + LEAVES;
static const int32_t *const roots = (const int32_t *)(weights + ROOTS);
static const int32_t *const depths = (const int32_t *)(weights + DEPTHS);
static const int32_t *const targets = (const int32_t *)(weights + GROUP_TARGETS);
static const float *const base = weights + BASE;
static const int64_t *const labels = (const int64_t *)(weights + LABELS);

#if AGGREGATE == MIN
#define JOIN(total, value) ((value) < (total) ? (value) : (total))
#define START INFINITY
#elif AGGREGATE == MAX
#define JOIN(total, value) ((value) > (total) ? (value) : (total))
#define START (-INFINITY)
#else
#define JOIN(total, value) ((total) + (value))
#define START 0.0
#endif

static int all_finite(const float *x) {
  int32_t bits, least = 0;
  for (int i = 0; i < FEATURES; i++) {
    __builtin_memcpy(&bits, x + i, 4);
    least |= ((bits & 0x7fffffff) >= 0x7f800000);
  }
  return !least;
}

static inline void add(double *scores, int target, long place) {
#if WIDTH == 1
  scores[target] = JOIN(scores[target], (double)leaves[place]);
#else
  (void)target;
  for (int i = 0; i < WIDTH; i++) scores[i] = JOIN(scores[i], (double)leaves[place * WIDTH + i]);
#endif
}

/* A finite number is less than a leaf's threshold, infinity, so a walk stays where it has ended. */
#define ROOT(k) const slot *t##k = slots + root[k]; int i##k = 0;
#define STEP(k) i##k = t##k[i##k].left + !(x[t##k[i##k].feature] < t##k[i##k].threshold);
#define ADD(k) add(scores, target, root[k] + i##k);
#define EACH(DO) \
  DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

static void walk_group(const float *x, double *scores, int group) {
  const int32_t *root = roots + GROUP * group;
  int target = targets[group];
  EACH(ROOT)
  for (int depth = depths[group]; depth > 0; depth--) {
    EACH(STEP)
  }
  EACH(ADD)
}

/* Rows with infinities and NaN, exactly as the model says. */
static void walk_exactly(const float *x, double *scores, int tree) {
  long root = roots[tree], at = root;
  while (!(kinds[at] & LEAF)) {
    if (kinds[at] & JUMP) {
      at = root + slots[at].left;
      continue;
    }
    float value = x[slots[at].feature];
    int left = isnan(value) ? kinds[at] & NAN_LEFT : kinds[at] & LESS_EQUAL ? value <= exact[at] : value < exact[at];
    at = root + slots[at].left + !left;
  }
  add(scores, targets[tree / GROUP], at);
}

static float logistic(double score) { return (float)(1.0 / (1.0 + exp(-score))); }

#if POST == PROBIT
/* The inverse of the normal distribution as ONNX Runtime approximates it: √2 times Winitzki's inverse of erf. */
static float probit(float p) {
  float x = 2 * p - 1, sign = x < 0 ? -1.0f : 1.0f, log = logf((1 - x) * (1 + x));
  float v = 2 / (3.14159f * 0.147f) + 0.5f * log, v2 = 1 / 0.147f * log;
  return 1.41421356f * (sign * sqrtf(-v + sqrtf(v * v - v2)));
}
#endif

static void transform(const double *scores, float *out) {
#if POST == SOFTMAX || POST == SOFTMAX_ZERO
  double most = -INFINITY, sum = 0;
  for (int i = 0; i < TARGETS; i++) most = scores[i] > most ? scores[i] : most;
  for (int i = 0; i < TARGETS; i++) {
#if POST == SOFTMAX_ZERO
    /* A score of nothing stays nothing. */
    double e = fabs(scores[i]) > 1e-7 ? exp(scores[i] - most) : scores[i] * exp(-most);
#else
    double e = exp(scores[i] - most);
#endif
    sum += e;
    out[i] = (float)e;
  }
  for (int i = 0; i < TARGETS; i++) out[i] = (float)(out[i] / sum);
#else
  for (int i = 0; i < TARGETS; i++) {
#if POST == LOGISTIC
    out[i] = logistic(scores[i]);
#elif POST == PROBIT
    out[i] = probit((float)scores[i]);
#else
    out[i] = (float)scores[i];
#endif
  }
#endif
}

/* Answers the class, and the scores of both classes of a binary classifier. */
static int64_t finish(const double *scores, float *out) {
#if BINARY
  double score = scores[0];
#if POST == LOGISTIC
  out[0] = logistic(-score), out[1] = logistic(score);
#else
  out[0] = (float)(POSITIVE ? 1.0 - score : -score), out[1] = (float)score;
#endif
  return labels[score > (POSITIVE ? 0.5 : 0.0)];
#else
  int best = 0;
  for (int i = 1; i < TARGETS; i++) best = scores[i] > scores[best] ? i : best;
  transform(scores, out);
  return CLASSES ? labels[best] : best;
#endif
}

/* Inlined into each caller, whose number of rows is a constant. */
static inline __attribute__((always_inline)) void run_forest(int rows, const float *x, float *out, int64_t *classes,
                                                             char *workspace) {
  double *scores = (double *)workspace;
  int *finite = (int *)(scores + (long)rows * TARGETS);
  for (long i = 0; i < (long)rows * TARGETS; i++) scores[i] = START;
  for (int row = 0; row < rows; row++) finite[row] = all_finite(x + (long)row * FEATURES);
  /* All rows pass through a group before the next, whose slots then lie in the cache. */
  for (int group = 0; group < GROUPS; group++)
    for (int row = 0; row < rows; row++)
      if (finite[row]) walk_group(x + (long)row * FEATURES, scores + row * TARGETS, group);
  for (int row = 0; row < rows; row++) {
    double *own = scores + row * TARGETS;
    if (!finite[row])
      for (int tree = 0; tree < GROUP * GROUPS; tree++) walk_exactly(x + (long)row * FEATURES, own, tree);
    for (int i = 0; i < TARGETS; i++) own[i] = own[i] * SCALE + base[i];
    float answers[ANSWERS];
    int64_t label = finish(own, answers);
    for (int i = 0; out && i < ANSWERS; i++) out[(long)row * ANSWERS + i] = answers[i];
    if (classes) classes[row] = label;
  }
}
