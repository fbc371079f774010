/* Depthwise and pointwise convolutions and batch normalisation of the search spaces' layers, for `kernels.py`.

Maps lie as (channels, height, width, images). A vector holds one pixel of several images, so that every loop below is
the same for all sizes of maps and kernels, and padding only changes addresses. A convolution takes a few images at a
time through all its stages, so that intermediate results stay in the caches. A map is stored before its normalisation;
every function that reads it applies that normalisation (`norm`).

NaN stays NaN. */

#include "vectors.h"

#ifdef __clang__
const char *compiler = __VERSION__;
#else
const char *compiler = "GCC " __VERSION__;
#endif

/* (x - mean) * inverse * weight + bias, then ReLU. Each array has one number per channel; NULL ones are left out. */
typedef struct {
    const real *mean, *inverse, *weight, *bias;
    long relu;
} norm;

/* A depthwise convolution in groups of `inputs` channels, each followed by a matrix of `outputs` rows, or by none (then
inputs == outputs == 1). `channels`: those of the maps that are read. `reads`: the number of the channel that each
kernel reads; NULL: kernel k reads channel k % channels. */
typedef struct {
    long groups, inputs, outputs, height, width, images, kernel, stride, dilation, channels;
    const long *reads;
} shape;

/* ---- Normalisation ---- */

typedef struct { real scale, shift; } line;

/* A normalisation as scale and shift. `of`: the channel of mean and inverse, which several channels may share. */
ALWAYS line applied(const norm *n, long channel, long of) {
    real scale = (n->mean ? n->inverse[of] : 1) * (n->weight ? n->weight[channel] : 1);
    return (line){scale, (n->bias ? n->bias[channel] : 0) - (n->mean ? n->mean[of] * scale : 0)};
}

/* Mean and 1 / deviation from the sums of x - pivot and of its square. A pivot near the mean avoids cancellation. */
ALWAYS void finish(double total, double squares, double pivot, double count, double eps, real *mean, real *inverse) {
    double average = total / count, variance = squares / count - average * average;
    *mean = pivot + average;
    *inverse = 1 / sqrt((variance < 0 ? 0 : variance) + eps);
}

/* The gradient of a map from that of its normalised form, g: along * g + across * x + offset, with g set to 0 where the
ReLU was 0. */
typedef struct { line forward; real along, across, offset; long relu; } slope;

ALWAYS slope turned(const norm *n, const double *sums, long channel, double count) {
    slope s = {applied(n, channel, channel), 1, 0, 0, n->relu};
    if (n->mean) {
        double inverse = n->inverse[channel], scale = s.forward.scale;
        double across = -scale * inverse * sums[2 * channel + 1] / count;
        s.along = scale;
        s.across = across;
        s.offset = -scale * sums[2 * channel] / count - across * n->mean[channel];
    }
    return s;
}

ALWAYS vec let_through(slope s, vec x, vec g) {
    return s.relu ? where(~(x * s.forward.scale + s.forward.shift <= 0), g) : g;
}

ALWAYS vec through(slope s, vec x, vec g) { return s.along * let_through(s, x, g) + s.across * x + s.offset; }

/* Two sums over a row; `f` adds one vector to both. Blocks of 64 vectors are summed in `real`, their sums in double. */
#define SUMS(count, first, second, f, ...)                                                       \
    for (long start = 0; start < count; start += 64 * LANES) {                                   \
        vec one = {}, two = {};                                                                  \
        const long end = least(count, start + 64 * LANES), whole = end - (end - start) % LANES;  \
        for (long i = start; i < whole; i += LANES) f(LANES, i, &one, &two, __VA_ARGS__);        \
        if (whole < end) f(end - whole, whole, &one, &two, __VA_ARGS__);                         \
        first += sum(one);                                                                       \
        second += sum(two);                                                                      \
    }

ALWAYS void add_moments(long some, long i, vec *total, vec *squares, const real *x, real pivot) {
    vec v = load(x + i, some) - pivot;
    if (some < LANES) v *= first_lanes(some);
    *total += v;
    *squares += v * v;
}

/* Mean and 1 / sqrt(variance + eps) of each of `channels` rows of `count` numbers. */
void moments(long channels, long count, const real *x, double eps, real *mean, real *inverse) {
    for (long c = 0; c < channels; c++, x += count) {
        double total = 0, squares = 0;
        SUMS(count, total, squares, add_moments, x, *x)
        finish(total, squares, *x, count, eps, mean + c, inverse + c);
    }
}

ALWAYS void apply_to(long some, const real *x, line l, long relu, real *y, long add) {
    vec v = load(x, some) * l.scale + l.shift;
    if (relu) v = positive(v);
    store(y, add ? v + load(y, some) : v, some);
}

/* y = normalised x or, with `add`, y += normalised x. `many` and `results`: channels of x and of y, one a multiple of
the other. Channels of a smaller x are read repeatedly; channels of a larger x that fall on one of y are summed. */
void apply(long count, const real *x, long many, const norm *n, real *y, long results, long add) {
    const long relu = n->relu, whole = count - count % LANES;
    for (long c = 0; c < (many > results ? many : results); c++) {
        const real *from = x + c % many * count;
        real *to = y + c % results * count;
        const line l = applied(n, c, c % many);
        const long adds = add || c >= results;
        for (long i = 0; i < whole; i += LANES) apply_to(LANES, from + i, l, relu, to + i, adds);
        if (whole < count) apply_to(count - whole, from + whole, l, relu, to + whole, adds);
    }
}

ALWAYS void add_slopes(long some, long i, vec *total, vec *product, const real *x, real mean, slope s, const real *g) {
    vec v = load(x + i, some), d = let_through(s, v, load(g + i, some));
    *total += d;
    *product += d * (v - mean);
}

/* For each channel of the larger of x and g: the sum of g, and of g times x normalised without weight and bias. */
void slopes(long count, const real *x, long many, const norm *n, const real *g, long results, double *sums) {
    for (long c = 0; c < (many > results ? many : results); c++) {
        const slope s = {applied(n, c, c % many), .relu = n->relu};
        const real mean = n->mean ? n->mean[c % many] : 0;
        double total = 0, product = 0;
        SUMS(count, total, product, add_slopes, x + c % many * count, mean, s, g + c % results * count)
        sums[2 * c] = total;
        sums[2 * c + 1] = product * (n->mean ? n->inverse[c % many] : 1);
    }
}

ALWAYS void unapply_to(long some, const real *x, slope s, const real *g, real *into) {
    store(into, through(s, load(x, some), load(g, some)), some);
}

/* The gradient of x. `sums`: from `slopes`; `period`: channels of g. */
void unapply(long channels, long count, const real *x, const norm *n, const double *sums, const real *g, long period,
             real *into) {
    const long whole = count - count % LANES;
    for (long c = 0; c < channels; c++, x += count, into += count) {
        const real *grad = g + c % period * count;
        const slope s = turned(n, sums, c, count);
        for (long i = 0; i < whole; i += LANES) unapply_to(LANES, x + i, s, grad + i, into + i);
        if (whole < count) unapply_to(count - whole, x + whole, s, grad + whole, into + whole);
    }
}

/* ---- Convolution of as many images as a vector has lanes ---- */

#define TILE 4

/* The rows of a map that one row of results reads, each with the row of the kernel that it is multiplied by. */
typedef struct { long some; const vec *maps[16]; const real *taps[16]; } rows;

/* out[c] = the sum over rows i and taps j of taps[i][j] * maps[i][c * stride + j * dilation]. */
ALWAYS void row_of(vec *out, long columns, const rows *r, long kernel, long stride, long dilation) {
    for (long c = 0; c < columns; c += TILE) {
        vec sums[TILE] = {};
        for (long i = 0; i < r->some; i++) {
            const vec *x = r->maps[i] + c * stride;
            const real *taps = r->taps[i];
#pragma GCC unroll 5
            for (long j = 0; j < kernel; j++)
#pragma GCC unroll 4
                for (long t = 0; t < TILE; t++) gain(sums + t, all(taps[j]), x[t * stride + j * dilation]);
        }
        for (long t = 0; t < TILE; t++) out[c + t] = sums[t];
    }
}

static void row(vec *out, long columns, const rows *r, long kernel, long stride, long dilation) {
    if (kernel == 3 && stride == 1 && dilation == 1) row_of(out, columns, r, 3, 1, 1);
    else if (kernel == 5 && stride == 1 && dilation == 1) row_of(out, columns, r, 5, 1, 1);
    else if (kernel == 3) row_of(out, columns, r, 3, stride, dilation);
    else if (kernel == 5) row_of(out, columns, r, 5, stride, dilation);
    else row_of(out, columns, r, kernel, stride, dilation);
}

/* taps[j] += the sum over rows i and columns c of g[i][c] * x[i][c * stride + j * dilation], lane by lane. */
ALWAYS void taps_of(vec *taps, long high, long columns, const vec *g, const vec *x, long step, long kernel,
                    long stride, long dilation) {
    vec even[16] = {}, odd[16] = {};
    for (long i = 0; i < high; i++, g += columns, x += step)
        for (long c = 0; c < columns; c += 2)
#pragma GCC unroll 5
            for (long j = 0; j < kernel; j++) {
                gain(even + j, g[c], x[c * stride + j * dilation]);
                gain(odd + j, g[c + 1], x[(c + 1) * stride + j * dilation]);
            }
#pragma GCC unroll 5
    for (long j = 0; j < kernel; j++) taps[j] += even[j] + odd[j];
}

static void taps_rows(vec *taps, long high, long columns, const vec *g, const vec *x, long step, long kernel,
                      long stride, long dilation) {
    if (kernel == 3 && stride == 1) taps_of(taps, high, columns, g, x, step, 3, 1, dilation);
    else if (kernel == 5 && stride == 1) taps_of(taps, high, columns, g, x, step, 5, 1, dilation);
    else if (kernel == 3) taps_of(taps, high, columns, g, x, step, 3, stride, dilation);
    else if (kernel == 5) taps_of(taps, high, columns, g, x, step, 5, stride, dilation);
    else taps_of(taps, high, columns, g, x, step, kernel, stride, dilation);
}

/* out[o] = the sum over k of matrix[o * across + k * along] * z[k], for `columns` vectors of each. */
static void multiply(vec *out, long outputs, const vec *z, long inputs, long columns, const real *matrix, long across,
                     long along) {
    long o = 0;
    for (; o + TILE <= outputs; o += TILE)
        for (long c = 0; c < columns; c += TILE) {
            vec sums[TILE][TILE] = {};
            for (long k = 0; k < inputs; k++)
#pragma GCC unroll 4
                for (long i = 0; i < TILE; i++)
#pragma GCC unroll 4
                    for (long t = 0; t < TILE; t++)
                        gain(sums[i] + t, all(matrix[(o + i) * across + k * along]), z[k * columns + c + t]);
            for (long i = 0; i < TILE; i++)
                for (long t = 0; t < TILE; t++) out[(o + i) * columns + c + t] = sums[i][t];
        }
    for (; o < outputs; o++)
        for (long c = 0; c < columns; c++) {
            vec total = {};
            for (long k = 0; k < inputs; k++) gain(&total, all(matrix[o * across + k * along]), z[k * columns + c]);
            out[o * columns + c] = total;
        }
}

/* into[o][k] += g[o] * z[k], lane by lane */
static void products(vec *into, const vec *g, long outputs, const vec *z, long inputs, long columns) {
    for (long o = 0; o < outputs; o += TILE)
        for (long k = 0; k < inputs; k += TILE) {
            vec sums[TILE][TILE] = {};
            const long high = least(TILE, outputs - o), wide = least(TILE, inputs - k);
            if (high == TILE && wide == TILE)
                for (long c = 0; c < columns; c++)
#pragma GCC unroll 4
                    for (long i = 0; i < TILE; i++)
#pragma GCC unroll 4
                        for (long j = 0; j < TILE; j++)
                            gain(sums[i] + j, g[(o + i) * columns + c], z[(k + j) * columns + c]);
            else
                for (long i = 0; i < high; i++)
                    for (long j = 0; j < wide; j++)
                        for (long c = 0; c < columns; c++)
                            gain(sums[i] + j, g[(o + i) * columns + c], z[(k + j) * columns + c]);
            for (long i = 0; i < high; i++)
                for (long j = 0; j < wide; j++) into[(o + i) * inputs + k + j] += sums[i][j];
        }
}

/* Sizes in vectors. Rows of maps have a margin of `pad` zeros on both sides; rows of results are whole tiles. */
typedef struct {
    long pad, high, wide, in_width, out_width, grad_width, in_map, out_map, grad_map;
    long count; /* numbers per channel of the result */
} plan;

static long tiles(long columns) { return (columns + TILE - 1) / TILE * TILE; }

static plan planned(const shape *s) {
    plan p;
    p.pad = s->dilation * (s->kernel / 2);
    p.high = (s->height - 1) / s->stride + 1;
    p.wide = (s->width - 1) / s->stride + 1;
    p.out_width = tiles(p.wide);
    p.in_width = p.out_width * s->stride + 2 * p.pad;
    p.grad_width = tiles(s->width) + 2 * p.pad;
    p.in_map = s->height * p.in_width;
    p.out_map = p.high * p.out_width;
    p.grad_map = p.high * p.grad_width;
    p.count = p.high * p.wide * s->images;
    return p;
}

/* The distance from these images of a pixel to the ones that are read next, for prefetching: the processor predicts
steps from pixel to pixel badly. */
ALWAYS long ahead(const shape *s, long pixels, long first) {
    return s->images - first > LANES ? LANES : pixels * s->images - first;
}

/* The number of the channel that a kernel reads. */
ALWAYS long source(const shape *s, long kernel) { return s->reads ? s->reads[kernel] : kernel % s->channels; }

ALWAYS void gather_row(long some, const real *from, const shape *s, long next, line l, long moved, long relu, vec *u) {
    for (long j = 0; j < s->width; j++, from += s->images) {
        __builtin_prefetch(from + next);
        vec v = load(from, some);
        if (moved) v = v * l.scale + l.shift;
        u[j] = relu ? positive(v) : v;
    }
}

/* The maps that a group's depthwise convolution reads, of the images from `first` on: normalised, with margins. */
static void gather(const shape *s, const plan *p, const real *x, const norm *in, long group, long first, vec *u) {
    const long some = s->images - first, next = ahead(s, s->height * s->width, first);
    for (long c = 0; c < s->inputs; c++) {
        const long channel = source(s, group * s->inputs + c);
        const line l = applied(in, channel, channel);
        for (long i = 0; i < s->height; i++, u += p->in_width) {
            const real *from = x + (channel * s->height + i) * s->width * s->images + first;
            for (long j = 0; j < p->pad; j++) u[j] = (vec){};
            for (long j = p->pad + s->width; j < p->in_width; j++) u[j] = (vec){};
            FOR_LANES(some, gather_row, from, s, next, l, in->mean != NULL, in->relu, u + p->pad);
        }
    }
}

static void depthwise(const shape *s, const plan *p, const vec *u, const real *kernels, vec *z) {
    for (long c = 0; c < s->inputs; c++, u += p->in_map, kernels += s->kernel * s->kernel)
        for (long i = 0; i < p->high; i++, z += p->out_width) {
            rows r = {0};
            for (long k = 0; k < s->kernel; k++) {
                long from = i * s->stride + k * s->dilation - p->pad;
                if (from < 0 || from >= s->height) continue;
                r.maps[r.some] = u + from * p->in_width;
                r.taps[r.some++] = kernels + k * s->kernel;
            }
            row(z, p->out_width, &r, s->kernel, s->stride, s->dilation);
        }
}

ALWAYS void keep_row(long some, const vec *from, long columns, real *y, long images, long next, real pivot, vec *total,
                     vec *squares) {
    for (long j = 0; j < columns; j++, y += images) {
        __builtin_prefetch(y + next, 1);
        store(y, from[j], some);
        vec off = from[j] - pivot;
        *total += off;
        *squares += off * off;
    }
}

/* y, and mean and 1 / deviation of each of its channels. kernels: (groups * inputs, kernel, kernel); matrices: (groups,
outputs, inputs) or NULL. */
void convolve(const shape *s, const real *x, const norm *in, const real *kernels, const real *matrices, double eps,
              real *y, real *mean, real *inverse) {
    const plan p = planned(s);
    const long taps = s->kernel * s->kernel, channels = s->groups * s->outputs;
    const long for_sums = channels * 3 * sizeof(double) / sizeof(vec) + 1;
    vec *u = room(s->inputs * (p.in_map + p.out_map) + s->outputs * p.out_map + for_sums);
    vec *z = u + s->inputs * p.in_map, *out = z + s->inputs * p.out_map;
    double *sums = (double *)(out + s->outputs * p.out_map), *pivots = sums + 2 * channels;
    memset(sums, 0, 2 * channels * sizeof(double));
    for (long group = 0; group < s->groups; group++) {
        for (long first = 0; first < s->images; first += LANES) {
            const long some = s->images - first;
            const vec lanes = first_lanes(some);
            gather(s, &p, x, in, group, first, u);
            depthwise(s, &p, u, kernels + group * s->inputs * taps, z);
            if (matrices)
                multiply(out, s->outputs, z, s->inputs, p.out_map, matrices + group * s->outputs * s->inputs, s->inputs,
                         1);
            const vec *from = matrices ? out : z;
            const long next = ahead(s, p.high * p.wide, first);
            for (long o = group * s->outputs; o < (group + 1) * s->outputs; o++) {
                vec total = {}, squares = {};
                if (!first) pivots[o] = (*from)[0];
                for (long i = 0; i < p.high; i++, from += p.out_width)
                    FOR_LANES(some, keep_row, from, p.wide, y + (o * p.high + i) * p.wide * s->images + first,
                              s->images, next, pivots[o], &total, &squares);
                sums[2 * o] += sum(total * lanes);
                sums[2 * o + 1] += sum(squares * lanes);
            }
        }
    }
    for (long o = 0; o < channels; o++)
        finish(sums[2 * o], sums[2 * o + 1], pivots[o], p.count, eps, mean + o, inverse + o);
}

/* Row i of the gradient of one channel that the depthwise convolution reads. gz: the gradient of its result, with
margins. */
static void depthwise_back(const shape *s, const plan *p, const vec *gz, const real *flipped, long i, vec *out) {
    rows r = {0};
    for (long k = 0; k < s->kernel; k++) {
        long from = i + p->pad - k * s->dilation;
        if (from < 0 || from % s->stride || from / s->stride >= p->high) continue;
        r.maps[r.some] = gz + from / s->stride * p->grad_width;
        r.taps[r.some++] = flipped + k * s->kernel;
    }
    row(out, tiles(s->width), &r, s->kernel, 1, s->dilation);
}

ALWAYS void turn_row(long some, const real *g, const real *y, long images, long next, long columns, slope l, long moved,
                     vec lanes, vec *to) {
    for (long j = 0; j < columns; j++, g += images, y += images) {
        __builtin_prefetch(g + next);
        __builtin_prefetch(y + next);
        vec d = load(g, some);
        if (moved) d = through(l, load(y, some), d);
        to[j] = some < LANES ? d * lanes : d;
    }
}

ALWAYS void give_row(long some, const vec *from, const vec *read, long columns, const real *x, long images, long next,
                     long relu, long normal, real mean, long add, real *into, vec *total, vec *product) {
    vec one = *total, two = *product;
    for (long j = 0; j < columns; j++, x += images, into += images) {
        __builtin_prefetch(into + next, 1);
        vec d = relu ? where(~(read[j] <= 0), from[j]) : from[j];
        if (normal) {
            one += d;
            two += d * (load(x, some) - mean);
        }
        store(into, add ? d + load(into, some) : d, some);
    }
    *total = one;
    *product = two;
}

/* The gradients of `convolve` from g, that of its result normalised by `after`; g has `period` channels. `sums`: its
`slopes`. gx: the gradient of x normalised by `in`, before its ReLU; it is written, or added to with `add` and where
channels are read repeatedly. in_sums: the `slopes` of x. gk and gm: the gradients of kernels and matrices. Each of gx,
in_sums, gk and gm may be NULL. */
void convolve_back(const shape *s, const real *x, const norm *in, const real *kernels, const real *matrices,
                   const real *y, const norm *after, const double *sums, const real *g, long period, real *gx, long add,
                   double *in_sums, real *gk, real *gm) {
    const plan p = planned(s);
    const long taps = s->kernel * s->kernel;
    vec *u = room(s->inputs * (p.in_map + p.out_map + p.grad_map) + s->outputs * p.out_map + tiles(s->width) +
                  s->inputs * (taps + s->outputs));
    vec *z = u + s->inputs * p.in_map, *gz = z + s->inputs * p.out_map, *gy = gz + s->inputs * p.grad_map;
    vec *line_of = gy + s->outputs * p.out_map, *for_kernel = line_of + tiles(s->width);
    vec *for_matrix = for_kernel + s->inputs * taps;
    real flipped[256];
    const long adds = add || s->channels < s->groups * s->inputs;
    if (in_sums) memset(in_sums, 0, 2 * s->channels * sizeof(double));
    memset(gz, 0, s->inputs * p.grad_map * sizeof(vec));
    memset(gy, 0, s->outputs * p.out_map * sizeof(vec));
    for (long group = 0; group < s->groups; group++) {
        const real *kernel = kernels + group * s->inputs * taps;
        const real *matrix = matrices ? matrices + group * s->outputs * s->inputs : NULL;
        memset(for_kernel, 0, s->inputs * (taps + s->outputs) * sizeof(vec));
        for (long first = 0; first < s->images; first += LANES) {
            const long some = s->images - first;
            const long out_next = ahead(s, p.high * p.wide, first), next = ahead(s, s->height * s->width, first);
            const vec lanes = first_lanes(some);
            gather(s, &p, x, in, group, first, u);
            vec *to = gy;
            for (long o = group * s->outputs; o < (group + 1) * s->outputs; o++) {
                slope l = turned(after, sums, o, p.count);
                const long moved = after->mean != NULL;
                for (long i = 0; i < p.high; i++, to += p.out_width) {
                    const real *grad = g + (o % period * p.high + i) * p.wide * s->images + first;
                    const real *raw = y + (o * p.high + i) * p.wide * s->images + first;
                    FOR_LANES(some, turn_row, grad, raw, s->images, out_next, p.wide, l, moved, lanes, to);
                }
            }
            if (gm && matrix) {
                depthwise(s, &p, u, kernel, z);
                products(for_matrix, gy, s->outputs, z, s->inputs, p.out_map);
            }
            const vec *down = gy;
            if (matrix) {
                multiply(z, s->inputs, gy, s->outputs, p.out_map, matrix, 1, s->inputs);
                down = z;
            }
            for (long c = 0; c < s->inputs; c++) {
                const vec *dz = down + c * p.out_map, *map = u + c * p.in_map;
                for (long k = 0; gk && k < s->kernel; k++) {
                    /* the rows of results, at to end - 1, whose row of maps at * stride + k * dilation - pad exists */
                    long above = p.pad - k * s->dilation, at = above > 0 ? (above + s->stride - 1) / s->stride : 0;
                    long end = s->height - 1 + above < 0 ? 0 : least(p.high, (s->height - 1 + above) / s->stride + 1);
                    taps_rows(for_kernel + (c * s->kernel + k) * s->kernel, end - at, p.out_width,
                              dz + at * p.out_width, map + (at * s->stride - above) * p.in_width,
                              s->stride * p.in_width, s->kernel, s->stride, s->dilation);
                }
                if (!gx) continue;
                vec *wide = gz + c * p.grad_map;
                for (long i = 0; i < p.high; i++)
                    for (long j = 0; j < p.wide; j++)
                        wide[i * p.grad_width + p.pad + j * s->stride] = dz[i * p.out_width + j];
                for (long k = 0; k < s->kernel; k++)
                    for (long j = 0; j < s->kernel; j++)
                        flipped[k * s->kernel + j] = kernel[c * taps + k * s->kernel + s->kernel - 1 - j];
                const long channel = source(s, group * s->inputs + c);
                vec total = {}, product = {};
                for (long i = 0; i < s->height; i++) {
                    depthwise_back(s, &p, wide, flipped, i, line_of);
                    const long at = (channel * s->height + i) * s->width * s->images + first;
                    const vec *read = map + i * p.in_width + p.pad;
                    FOR_LANES(some, give_row, line_of, read, s->width, x + at, s->images, next, in->relu,
                              in_sums != NULL, in_sums ? in->mean[channel] : 0, adds, gx + at, &total, &product);
                }
                if (in_sums) {
                    in_sums[2 * channel] += sum(total * lanes);
                    in_sums[2 * channel + 1] += sum(product * lanes) * in->inverse[channel];
                }
            }
        }
        for (long i = 0; gk && i < s->inputs * taps; i++) gk[group * s->inputs * taps + i] = sum(for_kernel[i]);
        for (long i = 0; gm && i < s->inputs * s->outputs; i++)
            gm[group * s->inputs * s->outputs + i] = sum(for_matrix[i]);
    }
}
