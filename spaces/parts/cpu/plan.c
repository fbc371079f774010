/* A recorded network, step by step, for the package `plan`: `replay` runs a list of steps without Python.

A step is a row of 8-byte fields whose first is its kind; each kind has a struct here and a class of the same fields in
steps.py. Maps lie as in kernels.c, whose functions are steps too. Whatever reads maps applies their normalisation
(`norm`). Gradients of parameters are given by their position in one array, -1 for none. */

#include "kernels.c"
#include "descent.c"

#define FIELDS 40 /* of a step */
/* Columns that a dense convolution computes at a time: as many as fit with their results into about ROOM numbers, which
the nearest cache holds. */
#define MOST 512
#define LEAST 128
#define ROOM 16384
#define EPS 1e-5

ALWAYS vec load_from(long some, const real *from) { return load(from, some); }
ALWAYS void store_to(long some, real *to, vec x) { store(to, x, some); }

typedef struct { real *start; } gradients;

ALWAYS real *gradient(gradients grads, long at) { return at < 0 ? NULL : grads.start + at; }

/* A convolution or pooling that reads, for result (i, j) and tap (a, b), the pixel (top + i * step_height + a *
tap_height, left + j * step_width + b * tap_width), or zero where there is none. `last`: the weights of a result lie as
(taps, channels) instead of (channels, taps). */
typedef struct {
    long channels, height, width, images, outputs, high, wide, taps_high, taps_wide, top, left;
    long step_height, step_width, tap_height, tap_width, last;
} window;

/* As many columns, up to a whole number of pairs of vectors. */
ALWAYS long whole(long columns) { return (columns + 2 * LANES - 1) / (2 * LANES) * (2 * LANES); }

/* ---- Products of matrices ---- */

ALWAYS void tile(long rows, long some, real *out, long out_width, const real *z, long width, long inner, const real *a,
                 long across, long along, long add) {
    vec sums[4][2] = {};
    for (long k = 0; k < inner; k++) {
        vec left = load(z + k * width, LANES), right = load(z + k * width + LANES, LANES);
#pragma GCC unroll 4
        for (long i = 0; i < rows; i++) {
            gain(&sums[i][0], all(a[i * across + k * along]), left);
            gain(&sums[i][1], all(a[i * across + k * along]), right);
        }
    }
    for (long i = 0; i < rows; i++, out += out_width)
        for (long half = 0; half < 2; half++) {
            real *to = out + half * LANES;
            const long left = some - half * LANES;
            if (left >= LANES) store(to, add ? sums[i][half] + load(to, LANES) : sums[i][half], LANES);
            else
                for (long n = 0; n < left; n++) to[n] = add ? sums[i][half][n] + to[n] : sums[i][half][n];
        }
}

/* Rows of a, column by column: reading columns of a large matrix again and again would miss the caches. */
#define PANEL 16

ALWAYS void pack(real *to, const real *a, long rows, long inner, long across, long along) {
    for (long k = 0; k < inner; k++)
        for (long i = 0; i < rows; i++) to[(i / 4 * inner + k) * 4 + i % 4] = a[i * across + k * along];
}

/* out[i][c] = (add: itself +) the sum over k of a[i * across + k * along] * z[k][c]. Rows of z are readable to a whole
number of tiles. `spare`: room for PANEL * inner numbers, where `along` is not 1. */
static void product(real *out, long out_width, long rows, long columns, const real *z, long width, long inner,
                    const real *a, long across, long along, long add, real *spare) {
    for (long i = 0; i < rows; i += 4) {
        const real *of = a + i * across;
        long down = across, right = along;
        if (along != 1) {
            if (i % PANEL == 0) pack(spare, of, least(PANEL, rows - i), inner, across, along);
            of = spare + i % PANEL * inner;
            down = 1;
            right = 4;
        }
        for (long c = 0; c < columns; c += 2 * LANES) {
            const long some = columns - c;
            real *to = out + i * out_width + c;
            switch (least(4, rows - i)) {
                case 4: tile(4, some, to, out_width, z + c, width, inner, of, down, right, add); break;
                case 3: tile(3, some, to, out_width, z + c, width, inner, of, down, right, add); break;
                case 2: tile(2, some, to, out_width, z + c, width, inner, of, down, right, add); break;
                default: tile(1, some, to, out_width, z + c, width, inner, of, down, right, add);
            }
        }
    }
}

ALWAYS void dots(long rows, vec *into, long pitch, const real *g, const real *z, long width, long columns) {
    vec sums[4][2] = {};
    for (long c = 0; c < columns; c += LANES) {
        vec one = load(z + c, LANES), two = load(z + width + c, LANES);
#pragma GCC unroll 4
        for (long i = 0; i < rows; i++) {
            vec d = load(g + i * width + c, LANES);
            gain(&sums[i][0], d, one);
            gain(&sums[i][1], d, two);
        }
    }
    for (long i = 0; i < rows; i++) {
        into[i * pitch] += sums[i][0];
        into[i * pitch + 1] += sums[i][1];
    }
}

/* into[i][k] += the sum over columns of g[i][c] * z[k][c], lane by lane; z has a row more than `inner` where that is
odd, and `into` rows of `pitch`. */
static void many_dots(vec *into, long pitch, const real *g, long rows, const real *z, long inner, long width,
                      long columns) {
    for (long i = 0; i < rows; i += 4)
        for (long k = 0; k < inner; k += 2) {
            vec *to = into + i * pitch + k;
            const real *from = g + i * width, *with = z + k * width;
            switch (least(4, rows - i)) {
                case 4: dots(4, to, pitch, from, with, width, columns); break;
                case 3: dots(3, to, pitch, from, with, width, columns); break;
                case 2: dots(2, to, pitch, from, with, width, columns); break;
                default: dots(1, to, pitch, from, with, width, columns);
            }
        }
}

static void transpose(real *to, long to_width, const real *from, long width, long rows, long columns) {
    for (long i = 0; i < rows; i += 8)
        for (long c = 0; c < columns; c += 8)
            for (long j = c; j < least(c + 8, columns); j++)
                for (long k = i; k < least(i + 8, rows); k++) to[j * to_width + k] = from[k * width + j];
}

/* ---- Dense convolutions: a product for some columns at a time ---- */

/* Columns of results: of one row, `some` images from `first` on; where results are read from the same pixels (`plain`),
`columns` numbers from `first` on. */
typedef struct { long plain, row, first, some, columns, pitch, pixels, inner; } chunk;

static chunk first_chunk(const window *w) {
    chunk c = {0};
    c.inner = w->channels * w->taps_high * w->taps_wide;
    const long fit = whole(ROOM / (2 * c.inner + w->outputs));
    const long most = fit < LEAST ? LEAST : least(MOST, fit);
    c.plain = w->taps_high * w->taps_wide == 1 && !w->top && !w->left && w->step_height == 1 && w->step_width == 1 &&
              w->high == w->height && w->wide == w->width;
    c.pixels = w->high * w->wide;
    c.some = c.plain ? least(most, c.pixels * w->images)
                     : least(w->images, w->wide >= most / LANES ? LANES : most / w->wide / LANES * LANES);
    c.pitch = whole(c.plain ? c.some : c.some * w->wide);
    return c;
}

/* Fills in the columns of a chunk; 0 behind the last one. */
static long sized(const window *w, chunk *c) {
    if (c->plain) {
        c->columns = least(c->some, c->pixels * w->images - c->first);
        return c->columns > 0;
    }
    if (c->first >= w->images) {
        c->first = 0;
        c->row++;
    }
    if (c->row >= w->high) return 0;
    c->columns = least(c->some, w->images - c->first) * w->wide;
    return 1;
}

#define FOR_CHUNKS(w, c) for (chunk c = first_chunk(w); sized(w, &c); c.first += c.some)

/* f(length, position among the columns, position in a channel of the results) for each contiguous run of a chunk */
#define FOR_RUNS(w, c, length, at, from)                                                                               \
    for (long run = 0, length = (c)->plain ? (c)->columns : least((c)->some, (w)->images - (c)->first), at = 0,         \
              from = (c)->plain ? (c)->first : (c)->row * (w)->wide * (w)->images + (c)->first;                         \
         run < ((c)->plain ? 1 : (w)->wide); run++, at += length, from += (w)->images)

ALWAYS void shifted(real *to, const real *from, long count, line l, long moved, long relu) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
        vec v = load(from + i, LANES);
        if (moved) v = v * l.scale + l.shift;
        store(to + i, relu ? positive(v) : v, LANES);
    }
    for (; i < count; i++) {
        real v = moved ? from[i] * l.scale + l.shift : from[i];
        to[i] = relu && v < 0 ? 0 : v;
    }
}

/* The row of the maps that tap a reads, -1 outside. */
ALWAYS long source_row(const window *w, const chunk *c, long a) {
    long row = w->top + c->row * w->step_height + a * w->tap_height;
    return row < 0 || row >= w->height ? -1 : row;
}

ALWAYS long place(const window *w, long channel, long a, long b) {
    return w->last ? (a * w->taps_wide + b) * w->channels + channel
                   : (channel * w->taps_high + a) * w->taps_wide + b;
}

/* z: (inner, pitch), what each weight is multiplied by, with zeros behind the columns. */
static void gather_columns(const window *w, const chunk *c, const real *x, const norm *in, real *z) {
    const long moved = in->mean || in->weight || in->bias, size = w->height * w->width * w->images;
    for (long k = 0; k < c->inner; k++) memset(z + k * c->pitch + c->columns, 0, (c->pitch - c->columns) * sizeof(real));
    for (long channel = 0; channel < w->channels; channel++, x += size) {
        const line l = applied(in, channel, channel);
        if (c->plain) {
            shifted(z + channel * c->pitch, x + c->first, c->columns, l, moved, in->relu);
            continue;
        }
        const long some = least(c->some, w->images - c->first);
        for (long a = 0; a < w->taps_high; a++) {
            const long row = source_row(w, c, a);
            for (long b = 0; b < w->taps_wide; b++) {
                real *to = z + place(w, channel, a, b) * c->pitch;
                for (long j = 0; j < w->wide; j++, to += some) {
                    const long column = w->left + j * w->step_width + b * w->tap_width;
                    if (row < 0 || column < 0 || column >= w->width) memset(to, 0, some * sizeof(real));
                    else shifted(to, x + (row * w->width + column) * w->images + c->first, some, l, moved, in->relu);
                }
            }
        }
    }
}

/* gx += the gradient gz of what `gather_columns` gave, where a ReLU let it through. */
static void scatter_columns(const window *w, const chunk *c, const real *gz, const real *z, long relu, real *gx) {
    const long some = least(c->some, w->images - c->first);
    for (long channel = 0; channel < w->channels; channel++, gx += w->height * w->width * w->images)
        for (long a = 0; a < w->taps_high; a++) {
            const long row = source_row(w, c, a);
            for (long b = 0; row >= 0 && b < w->taps_wide; b++) {
                const long from = place(w, channel, a, b) * c->pitch;
                for (long j = 0; j < w->wide; j++) {
                    const long column = w->left + j * w->step_width + b * w->tap_width;
                    if (column < 0 || column >= w->width) continue;
                    const real *d = gz + from + j * some, *read = z + from + j * some;
                    real *to = gx + (row * w->width + column) * w->images + c->first;
                    for (long n = 0; n < some; n++) to[n] += relu && read[n] <= 0 ? 0 : d[n];
                }
            }
        }
}

typedef struct {
    long kind;
    window w;
    const real *x;
    norm in;
    const real *matrix;
    real *y, *mean, *inverse;
} dense_step;

/* y = matrix * columns of x, and, unless NULL, mean and 1 / deviation of each channel of y. */
static void dense(const dense_step *s) {
    const window *w = &s->w;
    const chunk one = first_chunk(w);
    real *z = (real *)room(((one.inner + w->outputs) * one.pitch * sizeof(real) + 3 * w->outputs * sizeof(double)) /
                           sizeof(vec) + 2);
    real *out = z + one.inner * one.pitch;
    double *sums = (double *)(out + w->outputs * one.pitch), *pivots = sums + 2 * w->outputs;
    memset(sums, 0, 2 * w->outputs * sizeof(double));
    const long size = one.pixels * w->images;
    long begun = 0;
    FOR_CHUNKS(w, c) {
        gather_columns(w, &c, s->x, &s->in, z);
        product(out, c.pitch, w->outputs, c.pitch, z, c.pitch, c.inner, s->matrix, c.inner, 1, 0, NULL);
        for (long o = 0; o < w->outputs; o++) {
            const real *from = out + o * c.pitch;
            FOR_RUNS(w, &c, length, at, to) memcpy(s->y + o * size + to, from + at, length * sizeof(real));
            if (!s->mean) continue;
            if (!begun) pivots[o] = *from;
            SUMS(c.columns, sums[2 * o], sums[2 * o + 1], add_moments, from, pivots[o])
        }
        begun = 1;
    }
    for (long o = 0; s->mean && o < w->outputs; o++)
        finish(sums[2 * o], sums[2 * o + 1], pivots[o], size, EPS, s->mean + o, s->inverse + o);
}

typedef struct {
    long kind;
    window w;
    const real *x;
    norm in;
    const real *matrix, *y;
    norm after;
    const double *sums;
    const real *g;
    real *gx;
    long add;
    double *in_sums;
    long gm;
} dense_back_step;

/* gx (+)= gz where a ReLU let it through, and the `slopes` of x, for a plain chunk. */
static void give_columns(const dense_back_step *s, const chunk *c, const real *gz, const real *z) {
    const long size = c->pixels * s->w.images;
    for (long k = 0; k < c->inner; k++, gz += c->pitch, z += c->pitch) {
        real *to = s->gx + k * size + c->first;
        const real *from = s->x + k * size + c->first, mean = s->in_sums ? s->in.mean[k] : 0;
        vec total = {}, products = {};
        for (long i = 0; i < c->columns; i += LANES) {
            const long some = c->columns - i;
            vec d = load(gz + i, LANES);
            if (s->in.relu) d = where(~(load(z + i, LANES) <= 0), d);
            if (s->in_sums) {
                total += d; /* 0 behind the columns */
                gain(&products, d, FOR_LANES(some, load_from, from + i) - mean);
            }
            if (s->add) d += FOR_LANES(some, load_from, to + i);
            FOR_LANES(some, store_to, to + i, d);
        }
        if (s->in_sums) {
            s->in_sums[2 * k] += sum(total);
            s->in_sums[2 * k + 1] += sum(products) * s->in.inverse[k];
        }
    }
}

/* Gradients of `dense`; see `convolve_back`. Only a plain one gives in_sums. */
static void dense_back(const dense_back_step *s, gradients grads) {
    const window *w = &s->w;
    const chunk one = first_chunk(w);
    real *gm = gradient(grads, s->gm);
    const long rows = one.inner + one.inner % 2, size = one.pixels * w->images, laned = w->outputs * rows <= 1024;
    const long spare = laned ? w->outputs * rows : one.pitch * whole(one.inner) / LANES;
    real *z = (real *)room((rows + w->outputs + one.inner) * one.pitch / LANES + spare + PANEL * w->outputs / LANES + 1);
    real *d = z + rows * one.pitch, *gz = d + w->outputs * one.pitch;
    vec *lanes = (vec *)(gz + one.inner * one.pitch);
    real *packed = (real *)(lanes + spare);
    memset(z, 0, rows * one.pitch * sizeof(real));
    if (laned) memset(lanes, 0, spare * sizeof(vec));
    if (gm) memset(gm, 0, w->outputs * one.inner * sizeof(real));
    if (s->in_sums) memset(s->in_sums, 0, 2 * w->channels * sizeof(double));
    if (s->gx && !one.plain && !s->add) memset(s->gx, 0, w->channels * w->height * w->width * w->images * sizeof(real));
    FOR_CHUNKS(w, c) {
        gather_columns(w, &c, s->x, &s->in, z);
        for (long o = 0; o < w->outputs; o++) {
            const slope l = turned(&s->after, s->sums, o, size);
            real *to = d + o * c.pitch;
            const real *g = s->g + o * size, *y = s->y + o * size;
            FOR_RUNS(w, &c, length, at, from) {
                long i = 0;
                for (; i + LANES <= length; i += LANES)
                    store(to + at + i, through(l, load(y + from + i, LANES), load(g + from + i, LANES)), LANES);
                for (; i < length; i++) to[at + i] = l.along * g[from + i] + l.across * y[from + i] + l.offset;
            }
            memset(to + c.columns, 0, (c.pitch - c.columns) * sizeof(real));
        }
        if (gm && laned) many_dots(lanes, rows, d, w->outputs, z, c.inner, c.pitch, c.columns);
        else if (gm) {
            const long width = whole(c.inner);
            transpose((real *)lanes, width, z, c.pitch, c.inner, c.columns);
            product(gm, c.inner, w->outputs, c.inner, (real *)lanes, width, c.columns, d, c.pitch, 1, 1, NULL);
        }
        if (!s->gx) continue;
        product(gz, c.pitch, c.inner, c.pitch, d, c.pitch, w->outputs, s->matrix, 1, c.inner, 0,
                packed);
        if (c.plain) give_columns(s, &c, gz, z);
        else scatter_columns(w, &c, gz, z, s->in.relu, s->gx);
    }
    for (long i = 0; gm && laned && i < w->outputs * one.inner; i++)
        gm[i] = sum(lanes[i / one.inner * rows + i % one.inner]);
}

/* ---- Pooling ---- */

typedef struct {
    long kind;
    window w;
    const real *x;
    norm in;
    real *y;
    long average, padded; /* average: else the maximum; padded: it counts pixels outside the map */
} pool_step;

typedef struct {
    long kind;
    window w;
    const real *x;
    norm in;
    const real *y, *g;
    real *gx;
    long add, average, padded;
} pool_back_step;

/* The pixels of a map that result (i, j) reads, and how many. */
static long pool_pixels(const window *w, long i, long j, long *at) {
    long count = 0;
    for (long a = 0; a < w->taps_high; a++)
        for (long b = 0; b < w->taps_wide; b++) {
            const long row = w->top + i * w->step_height + a, column = w->left + j * w->step_width + b;
            if (row >= 0 && row < w->height && column >= 0 && column < w->width)
                at[count++] = (row * w->width + column) * w->images;
        }
    return count;
}

ALWAYS vec seen(const real *x, line l, long relu, long some) {
    vec v = load(x, some) * l.scale + l.shift;
    return relu ? positive(v) : v;
}

ALWAYS void pool_images(long some, const real *x, const long *at, long count, line l, long relu, long average,
                        real divisor, real *y) {
    vec best = seen(x + at[0], l, relu, some);
    for (long k = 1; k < count; k++) {
        vec v = seen(x + at[k], l, relu, some);
        if (average) best += v;
        else {
            mask take = (v > best) | (v != v);
            best = where(take, v) + where(~take, best);
        }
    }
    store(y, average ? best / divisor : best, some);
}

static void pool(const pool_step *s) {
    const window *w = &s->w;
    long *at = (long *)room(w->taps_high * w->taps_wide * sizeof(long) / sizeof(vec) + 1);
    const long results = w->high * w->wide * w->images, size = w->height * w->width * w->images;
    for (long i = 0; i < w->high; i++)
        for (long j = 0; j < w->wide; j++) {
            const long count = pool_pixels(w, i, j, at);
            const real divisor = s->padded ? w->taps_high * w->taps_wide : count;
            for (long c = 0; c < w->channels; c++) {
                const line l = applied(&s->in, c, c);
                const real *x = s->x + c * size;
                real *y = s->y + c * results + (i * w->wide + j) * w->images;
                for (long n = 0; n < w->images; n += LANES)
                    FOR_LANES(w->images - n, pool_images, x + n, at, count, l, s->in.relu, s->average, divisor, y + n);
            }
        }
}

/* The gradient of a maximum goes to the first pixel that has it. */
ALWAYS void unpool_images(long some, const real *x, const long *at, long count, line l, long relu, long average,
                          real divisor, const real *y, const real *g, real *gx) {
    vec d = load(g, some), best = load(y, some);
    if (average) d /= divisor;
    mask open = (vec){} == (vec){};
    for (long k = 0; k < count; k++) {
        vec v = {}, given = d;
        if (!average || relu) v = seen(x + at[k], l, relu, some);
        if (!average) {
            mask here = open & ((v == best) | (v != v));
            open &= ~here;
            given = where(here, d);
        }
        if (relu) given = where(~(v <= 0), given);
        store(gx + at[k], load(gx + at[k], some) + given, some);
    }
}

static void pool_back(const pool_back_step *s) {
    const window *w = &s->w;
    long *at = (long *)room(w->taps_high * w->taps_wide * sizeof(long) / sizeof(vec) + 1);
    const long results = w->high * w->wide * w->images, size = w->height * w->width * w->images;
    if (!s->add) memset(s->gx, 0, w->channels * size * sizeof(real));
    for (long i = 0; i < w->high; i++)
        for (long j = 0; j < w->wide; j++) {
            const long count = pool_pixels(w, i, j, at);
            const real divisor = s->padded ? w->taps_high * w->taps_wide : count;
            for (long c = 0; c < w->channels; c++) {
                const line l = applied(&s->in, c, c);
                const long from = c * results + (i * w->wide + j) * w->images;
                for (long n = 0; n < w->images; n += LANES)
                    FOR_LANES(w->images - n, unpool_images, s->x + c * size + n, at, count, l, s->in.relu, s->average,
                              divisor, s->y + from + n, s->g + from + n, s->gx + c * size + n);
            }
        }
}

/* ---- Additions, drop path ---- */

/* y (+)= factors * normalised x; factors: one for each image, or NULL for ones. */
typedef struct {
    long kind, channels, pixels, images;
    const real *x;
    norm in;
    const real *factors;
    real *y;
    long add;
} add_step;

/* gx (+)= factors * g, where the ReLU of normalised x let it through. */
typedef struct {
    long kind, channels, pixels, images;
    const real *x;
    norm in;
    const real *factors, *g;
    real *gx;
    long add;
} add_back_step;

ALWAYS void add_images(long some, const real *x, line l, long relu, const real *factors, real *y, long add) {
    vec v = seen(x, l, relu, some);
    if (factors) v *= load(factors, some);
    store(y, add ? v + load(y, some) : v, some);
}

static void add(const add_step *s) {
    const long run = s->factors ? s->images : s->pixels * s->images, runs = s->factors ? s->pixels : 1;
    const real *x = s->x;
    real *y = s->y;
    for (long c = 0; c < s->channels; c++) {
        const line l = applied(&s->in, c, c);
        for (long p = 0; p < runs; p++, x += run, y += run)
            for (long n = 0; n < run; n += LANES)
                FOR_LANES(run - n, add_images, x + n, l, s->in.relu, s->factors ? s->factors + n : NULL, y + n, s->add);
    }
}

ALWAYS void add_back_images(long some, const real *x, slope l, const real *factors, const real *g, real *gx, long add) {
    vec d = load(g, some);
    if (l.relu) d = let_through(l, load(x, some), d);
    if (factors) d *= load(factors, some);
    store(gx, add ? d + load(gx, some) : d, some);
}

static void add_back(const add_back_step *s) {
    const long run = s->factors ? s->images : s->pixels * s->images, runs = s->factors ? s->pixels : 1;
    for (long c = 0, at = 0; c < s->channels; c++) {
        const slope l = {applied(&s->in, c, c), .relu = s->in.relu};
        for (long p = 0; p < runs; p++, at += run)
            for (long n = 0; n < run; n += LANES)
                FOR_LANES(run - n, add_back_images, s->x + at + n, l, s->factors ? s->factors + n : NULL, s->g + at + n,
                          s->gx + at + n, s->add);
    }
}

/* ---- Statistics ---- */

typedef struct { long kind, channels, count; const real *x; real *mean, *inverse; } moments_step;
typedef struct { long kind, channels, count; const real *x; norm in; const real *g; double *sums; } slopes_step;
typedef struct {
    long kind, channels, count;
    const real *x;
    norm in;
    const double *sums;
    const real *g;
    real *gx;
} unapply_step;
typedef struct { long kind, channels; const double *sums; long weight, bias; } take_step;
typedef struct { long kind, count; real *to; long gradient; } clear_step;
typedef struct { long kind, channels; const real *variance; real *inverse; } deviation_step;
typedef struct { long kind, channels; const real *mean, *bias; real *to; } shift_step;
typedef struct {
    long kind, channels, count;
    const real *mean, *inverse, *bias;
    real *running_mean, *running_var;
    long *batches;
    double momentum;
} averages_step;

/* The gradients of weight and bias of a normalisation from its `slopes`. */
static void take(const take_step *s, gradients grads) {
    real *weight = gradient(grads, s->weight), *bias = gradient(grads, s->bias);
    for (long c = 0; c < s->channels; c++) {
        if (weight) weight[c] = s->sums[2 * c + 1];
        if (bias) bias[c] = s->sums[2 * c];
    }
}

/* Running averages as torch moves them. `bias`: of a convolution in front, which was not added. */
static void averages(const averages_step *s) {
    const double unbiased = s->count / (s->count > 1 ? s->count - 1.0 : 1.0);
    for (long c = 0; c < s->channels; c++) {
        const double inverse = s->inverse[c], variance = (1 / (inverse * inverse) - EPS) * unbiased;
        const double mean = s->mean[c] + (s->bias ? s->bias[c] : 0);
        s->running_mean[c] += s->momentum * (mean - s->running_mean[c]);
        s->running_var[c] += s->momentum * (variance - s->running_var[c]);
    }
    if (s->batches) ++*s->batches;
}

static void deviation(const deviation_step *s) {
    for (long c = 0; c < s->channels; c++) s->inverse[c] = 1 / sqrt(s->variance[c] + EPS);
}

/* ---- The interpreter ---- */

typedef struct {
    long kind;
    shape s;
    const real *x;
    norm in;
    const real *kernels, *matrices;
    real *y, *mean, *inverse;
} convolve_step;

typedef struct {
    long kind;
    shape s;
    const real *x;
    norm in;
    const real *kernels, *matrices, *y;
    norm after;
    const double *sums;
    const real *g;
    real *gx;
    long add;
    double *in_sums;
    long gk, gm;
} convolve_back_step;

enum { CONVOLVE, CONVOLVE_BACK, DENSE, DENSE_BACK, POOL, POOL_BACK, ADD, ADD_BACK, MOMENTS, SLOPES, UNAPPLY, TAKE, CLEAR,
       DEVIATION, SHIFT, AVERAGES };

static void run(const long *step, gradients grads) {
    switch (*step) {
        case CONVOLVE: {
            const convolve_step *s = (const void *)step;
            convolve(&s->s, s->x, &s->in, s->kernels, s->matrices, EPS, s->y, s->mean, s->inverse);
            break;
        }
        case CONVOLVE_BACK: {
            const convolve_back_step *s = (const void *)step;
            convolve_back(&s->s, s->x, &s->in, s->kernels, s->matrices, s->y, &s->after, s->sums, s->g,
                          s->s.groups * s->s.outputs, s->gx, s->add, s->in_sums, gradient(grads, s->gk),
                          gradient(grads, s->gm));
            break;
        }
        case DENSE: dense((const void *)step); break;
        case DENSE_BACK: dense_back((const void *)step, grads); break;
        case POOL: pool((const void *)step); break;
        case POOL_BACK: pool_back((const void *)step); break;
        case ADD: add((const void *)step); break;
        case ADD_BACK: add_back((const void *)step); break;
        case MOMENTS: {
            const moments_step *s = (const void *)step;
            moments(s->channels, s->count, s->x, EPS, s->mean, s->inverse);
            break;
        }
        case SLOPES: {
            const slopes_step *s = (const void *)step;
            slopes(s->count, s->x, s->channels, &s->in, s->g, s->channels, s->sums);
            break;
        }
        case UNAPPLY: {
            const unapply_step *s = (const void *)step;
            unapply(s->channels, s->count, s->x, &s->in, s->sums, s->g, s->channels, s->gx);
            break;
        }
        case TAKE: take((const void *)step, grads); break;
        case CLEAR: {
            const clear_step *s = (const void *)step;
            real *to = s->to ? s->to : gradient(grads, s->gradient);
            memset(to, 0, s->count * sizeof(real));
            break;
        }
        case DEVIATION: deviation((const void *)step); break;
        case SHIFT: {
            const shift_step *s = (const void *)step;
            for (long c = 0; c < s->channels; c++) s->to[c] = s->mean[c] - s->bias[c];
            break;
        }
        case AVERAGES: averages((const void *)step); break;
    }
}

/* steps: (count, FIELDS); start: the array of the gradients of parameters, NULL in a forward pass. */
void replay(const long *steps, long count, real *start) {
    for (long i = 0; i < count; i++) run(steps + i * FIELDS, (gradients){start});
}
