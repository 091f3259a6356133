/* SPDX-License-Identifier: GPL-3.0-or-later
 * The picture of a scene.  Every form is a signed distance (negative inside, in shares of the side); coverage of a
 * pixel is the distance cut to one pixel's width, so edges are smooth at any size. */
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  float r, g, b;
} Rgb;

typedef struct {
  int n; /* side in pixels */
  Rgb *at;
  const Scene *s;
  Rng rng;
} Canvas;

#define PI 3.14159265f

static float clamp01 (float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static float smooth (float a, float b, float x) { x = clamp01 ((x - a) / (b - a)); return x * x * (3 - 2 * x); }
static Rgb scale (Rgb a, float t) { return (Rgb) { a.r * t, a.g * t, a.b * t }; }

static Rgb
mixc (Rgb a, Rgb b, float t)
{
  return (Rgb) { a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t };
}

/* lighter for t > 0, darker for t < 0, hue kept */
static Rgb
shade (Rgb c, float t)
{
  return t > 0 ? mixc (c, (Rgb) { 1, 1, 1 }, t) : scale (c, 1 + t);
}

static const Rgb base_colours[N_COLOURS] = {
  [BLACK] = { .07f, .07f, .08f }, [WHITE] = { .95f, .95f, .94f }, [RED] = { .84f, .13f, .13f },
  [GREEN] = { .20f, .60f, .23f }, [YELLOW] = { .97f, .85f, .18f }, [BLUE] = { .15f, .32f, .80f },
  [BROWN] = { .45f, .27f, .13f }, [ORANGE] = { .96f, .53f, .10f }, [PINK] = { .97f, .58f, .73f },
  [PURPLE] = { .50f, .20f, .65f }, [GREY] = { .54f, .54f, .55f },
};

/* a colour of that name, a little different each time */
static Rgb
paint (Canvas *c, Colour name)
{
  Rgb b = base_colours[name];
  float t = rng_range (&c->rng, -.10f, .10f), j = .025f;
  if (name == WHITE || name == BLACK || name == GREY)
    j = .008f, t *= .4f;
  b.r += rng_range (&c->rng, -j, j);
  b.g += rng_range (&c->rng, -j, j);
  b.b += rng_range (&c->rng, -j, j);
  return shade (b, t);
}

static void
lay (Canvas *c, int i, Rgb colour, float cover)
{
  if (cover > 0)
    c->at[i] = mixc (c->at[i], colour, cover);
}

/* ── forms ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static float
polygon (float x, float y, int n, float turn, float h) /* regular, inner radius h */
{
  float d = -1e9f;
  for (int i = 0; i < n; i++) {
    float a = turn + 2 * PI * i / n;
    d = fmaxf (d, x * cosf (a) + y * sinf (a) - h);
  }
  return d;
}

static float
five_star (float x, float y, float r)
{
  float sector = 2 * PI / 5, a = atan2f (x, -y), q = hypotf (x, y);
  a = fabsf (a - sector * roundf (a / sector));
  /* edge from the tip (r, angle 0) to the notch (.45 r, half a sector) */
  float px = q * sinf (a), py = q * cosf (a), nx = .45f * r * sinf (sector / 2), ny = .45f * r * cosf (sector / 2) - r;
  float len = hypotf (nx, ny);
  return (px * -ny + (py - r) * nx) / len;
}

static float
form (Shape shape, float x, float y, float r)
{
  switch (shape) {
  case CIRCLE: return hypotf (x, y) - r;
  case SQUARE: return fmaxf (fabsf (x), fabsf (y)) - .86f * r;
  case TRIANGLE: return polygon (x, y - .12f * r, 3, PI / 2, .56f * r);
  case STAR: return five_star (x, y, 1.12f * r);
  case DIAMOND: return (fabsf (x) * 1.25f + fabsf (y)) / 1.6f - .68f * r;
  case RING: return fabsf (hypotf (x, y) - .74f * r) - .26f * r;
  case HEART: {
    float h = .5f * r, yy = y - .02f * r;
    float square = (fabsf (x) + fabsf (yy)) * .7071f - 1.06f * h;
    float lobe = hypotf (fabsf (x) - .75f * h, yy + .75f * h) - 1.06f * h;
    return fminf (square, lobe);
  }
  case OVAL: return (hypotf (x / 1.15f, y / .72f) - r) * .72f;
  case HEXAGON: return polygon (x, y, 6, 0, .88f * r);
  default: return 1;
  }
}

/* ── shapes ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
draw_shapes (Canvas *c)
{
  const Scene *s = c->s;
  int n = c->n;
  Rgb ground = s->plain ? shade ((Rgb) { .90f, .89f, .86f }, rng_range (&c->rng, -.06f, .04f)) : paint (c, s->ground);
  float lean = rng_range (&c->rng, -.3f, .3f);

  for (int i = 0; i < n * n; i++) {
    float x = (i % n + .5f) / n - .5f, y = (i / n + .5f) / n - .5f;
    c->at[i] = shade (ground, -.22f * (y + lean * x) - .35f * (x * x + y * y) + .04f);
  }
  for (int k = s->layout == INSIDE ? s->n_items - 1 : 0, done = 0; done < s->n_items; done++) {
    const Item *it = &s->items[k];
    Rgb col = paint (c, it->colour);
    float turn = it->shape == CIRCLE || it->shape == RING ? 0 : rng_range (&c->rng, -.12f, .12f);
    float cs = cosf (turn), sn = sinf (turn), soft = .3f * it->r, reach = 1.7f * it->r;
    for (int i = 0; i < n * n; i++) {
      float x = (i % n + .5f) / n - it->x, y = (i / n + .5f) / n - it->y;
      if (fabsf (x) > reach || fabsf (y) > reach)
        continue;
      float sx = x - .08f * it->r, sy = y - .14f * it->r;
      float d = form (it->shape, x * cs + y * sn, y * cs - x * sn, it->r);
      float under = form (it->shape, sx * cs + sy * sn, sy * cs - sx * sn, it->r);
      c->at[i] = scale (c->at[i], 1 - .34f * (1 - smooth (-soft, soft, under)));
      float light = (-.5f * x - .75f * y) / it->r; /* from the upper left */
      float rim = smooth (-.25f * it->r, 0, d);
      lay (c, i, shade (col, light > 0 ? .24f * light : .26f * light - .06f * rim), clamp01 (.5f - d * n));
    }
    k = s->layout == INSIDE ? k - 1 : k + 1;
  }
}

/* ── landscapes ────────────────────────────────────────────────────────────────────────────────────────────────── */

static const Rgb skies[N_TIMES][3] = { /* zenith, middle, horizon */
  [DAY] = { { .24f, .50f, .87f }, { .47f, .71f, .94f }, { .80f, .90f, .97f } },
  [SUNSET] = { { .28f, .20f, .46f }, { .86f, .36f, .36f }, { 1.0f, .70f, .28f } },
  [DAWN] = { { .56f, .66f, .86f }, { .85f, .76f, .86f }, { 1.0f, .87f, .74f } },
  [NIGHT] = { { .02f, .03f, .10f }, { .05f, .07f, .20f }, { .11f, .14f, .32f } },
  [OVERCAST] = { { .52f, .55f, .60f }, { .64f, .67f, .70f }, { .78f, .79f, .80f } },
};

/* the light of the hour on a thing */
static Rgb
lit (const Scene *s, Rgb c)
{
  switch (s->time) {
  case SUNSET: return mixc (scale (c, .88f), (Rgb) { .95f, .45f, .25f }, .13f);
  case DAWN: return mixc (c, (Rgb) { .95f, .80f, .82f }, .14f);
  case NIGHT: return mixc (scale (c, .62f), (Rgb) { .08f, .12f, .34f }, .15f);
  case OVERCAST: return mixc (c, (Rgb) { .55f, .57f, .60f }, .16f);
  default: return c;
  }
}

static void
glow (Canvas *c, float x0, float y0, float r, Rgb disc, Rgb halo, float strength)
{
  int n = c->n;
  for (int i = 0; i < n * n; i++) {
    float d = hypotf ((i % n + .5f) / n - x0, (i / n + .5f) / n - y0);
    lay (c, i, halo, strength * expf (-d * d / (6 * r * r)));
    lay (c, i, disc, clamp01 (.5f - (d - r) * n));
  }
}

static void
sky (Canvas *c)
{
  const Scene *s = c->s;
  int n = c->n;
  float depth = s->land == NO_LAND ? 1 : s->horizon + .06f, warm = rng_range (&c->rng, -.05f, .05f);
  Rgb stops[3];

  memcpy (stops, skies[s->time], sizeof stops);
  if (s->time == PLAIN_SKY) {
    Rgb p = paint (c, s->sky);
    stops[0] = shade (p, -.14f), stops[1] = p, stops[2] = shade (p, .3f);
  }
  for (int i = 0; i < n * n; i++) {
    float y = clamp01 ((i / n + .5f) / n / depth);
    Rgb col = y < .55f ? mixc (stops[0], stops[1], y / .55f) : mixc (stops[1], stops[2], (y - .55f) / .45f);
    c->at[i] = shade (col, warm);
  }
  if (s->stars)
    for (int k = 0, many = 22 + rng_below (&c->rng, 14); k < many; k++) {
      float x = rng_range (&c->rng, 0, 1), y = rng_range (&c->rng, 0, depth), r = rng_range (&c->rng, .006f, .013f);
      int x0 = (x - .03f) * n, x1 = (x + .03f) * n, y0 = (y - .03f) * n, y1 = (y + .03f) * n;
      for (int j = y0 < 0 ? 0 : y0; j <= y1 && j < n; j++)
        for (int i = x0 < 0 ? 0 : x0; i <= x1 && i < n; i++) {
          float d = hypotf ((i + .5f) / n - x, (j + .5f) / n - y);
          lay (c, j * n + i, (Rgb) { 1, .97f, .86f }, .95f * expf (-d * d / (2 * r * r)));
        }
    }
  float x = rng_range (&c->rng, .2f, .8f);
  if (s->n_clouds) /* out of the way */
    x = x < .5f ? .15f : .85f;
  if (s->sun && s->time == DAY)
    glow (c, x, rng_range (&c->rng, .13f, .2f), .085f, (Rgb) { 1, .93f, .45f }, (Rgb) { 1, .95f, .7f }, .55f);
  else if (s->sun)
    glow (c, x, depth - rng_range (&c->rng, .12f, .22f), s->time == SUNSET ? .1f : .085f,
          s->time == SUNSET ? (Rgb) { 1, .62f, .2f } : (Rgb) { 1, .93f, .68f },
          s->time == SUNSET ? (Rgb) { 1, .75f, .35f } : (Rgb) { 1, .92f, .8f }, .6f);
  if (s->moon) {
    float y = rng_range (&c->rng, .13f, .2f), r = .09f;
    Rgb pale = { .97f, .95f, .84f };
    for (int i = 0; i < n * n; i++) {
      float px = (i % n + .5f) / n - x, py = (i / n + .5f) / n - y, d = hypotf (px, py);
      float form = d - r;
      if (s->moon == CRESCENT)
        form = fmaxf (form, .92f * r - hypotf (px - .45f * r, py + .22f * r));
      lay (c, i, (Rgb) { .5f, .56f, .78f }, .38f * expf (-d * d / (5 * r * r)));
      lay (c, i, shade (pale, -.12f * clamp01 (.5f + (px + py) / r)), clamp01 (.5f - form * n));
    }
  }
}

static void
clouds (Canvas *c)
{
  const Scene *s = c->s;
  int n = c->n, puffs = 5;
  float low = s->land == NO_LAND ? .66f : s->horizon - .17f, high = s->moon || (s->sun && s->time == DAY) ? .36f : .24f;

  for (int k = 0; k < s->n_clouds; k++) {
    float w = s->n_clouds == 1 ? .30f : s->n_clouds == 2 ? .2f : .155f;
    w *= rng_range (&c->rng, .85f, 1.1f) * (s->land == NO_LAND ? 1.15f : 1);
    float x0 = s->n_clouds == 1 ? rng_range (&c->rng, .36f, .64f)
                                : (k + .5f) / s->n_clouds + rng_range (&c->rng, -.03f, .03f);
    float y0 = rng_range (&c->rng, high, low > high + .06f ? low : high + .06f);
    float px[5], py[5], pr[5];
    Rgb col = lit (s, paint (c, s->cloud));
    if (s->time == NIGHT)
      col = mixc (col, base_colours[s->cloud], .55f); /* else all clouds of the night look alike */
    for (int j = 0; j < puffs; j++) {
      float t = (j + .5f) / puffs * 2 - 1;
      px[j] = t * .78f * w + rng_range (&c->rng, -.04f, .04f) * w;
      pr[j] = w * (.44f - .22f * t * t) * rng_range (&c->rng, .85f, 1.15f);
      py[j] = -.55f * pr[j] - .14f * w * (1 - t * t);
    }
    for (int i = 0; i < n * n; i++) {
      float x = (i % n + .5f) / n - x0, y = (i / n + .5f) / n - y0, soft = .06f * w, d = 1;
      if (fabsf (x) > 1.4f * w || y < -1.3f * w || y > .3f * w)
        continue;
      float sum = 0;
      for (int j = 0; j < puffs; j++)
        sum += expf (-(hypotf (x - px[j], y - py[j]) - pr[j]) / (.09f * w));
      d = -logf (sum + 1e-20f) * .09f * w;
      d = fmaxf (d, y - .10f * w); /* flat below */
      float up = clamp01 (-y / (.8f * w));
      lay (c, i, shade (col, s->cloud == BLACK ? .14f * up : -.20f * (1 - up) + .20f * up),
           .96f * (1 - smooth (-soft, soft, d)));
    }
  }
}

typedef struct {
  float base, a1, f1, p1, a2, f2, p2, peak;
} Ridge;

static float
ridge_at (const Ridge *g, float x) /* y of the crest */
{
  if (g->peak > 0) { /* mountains: three teeth */
    float t = fabsf (2 * (x * g->f1 + g->p1 - floorf (x * g->f1 + g->p1)) - 1);
    return g->base - g->peak * t - g->a2 * sinf (g->f2 * x + g->p2);
  }
  return g->base - g->a1 * cosf (g->f1 * (x - g->p1)) - g->a2 * sinf (g->f2 * x + g->p2);
}

static void
ground (Canvas *c, const Ridge *g, Rgb col, float fall, bool snow)
{
  int n = c->n;
  for (int i = 0; i < n * n; i++) {
    float x = (i % n + .5f) / n, y = (i / n + .5f) / n, d = ridge_at (g, x) - y;
    if (d > 1.f / n)
      continue;
    Rgb p = shade (col, .16f * expf (d / .05f) - fall * clamp01 (-d));
    if (snow)
      p = mixc (p, lit (c->s, (Rgb) { .97f, .97f, 1 }), smooth (.02f, -.02f, y - (g->base - .62f * g->peak)) * .9f);
    lay (c, i, p, clamp01 (.5f - d * n));
  }
}

static void
water (Canvas *c, Rgb col)
{
  const Scene *s = c->s;
  int n = c->n;
  float p = rng_range (&c->rng, 0, 6);
  Rgb far = mixc (col, c->at[(int) (s->horizon * n - 1) * n + n / 2], .3f);

  for (int i = 0; i < n * n; i++) {
    float x = (i % n + .5f) / n, y = (i / n + .5f) / n, d = s->horizon - y;
    if (d > 1.f / n)
      continue;
    float t = clamp01 (-d / (1 - s->horizon));
    float ripple = sinf (p + 60 * sqrtf (t + .02f) + 1.5f * sinf (9 * x + 7 * t + p));
    lay (c, i, shade (mixc (far, shade (col, -.18f), t), .10f * ripple * (.3f + t)), clamp01 (.5f - d * n));
  }
}

static void
tree (Canvas *c, float x0, float y0, float h, bool cone)
{
  int n = c->n;
  Rgb leaf = lit (c->s, paint (c, c->s->tree)), trunk = lit (c->s, (Rgb) { .36f, .23f, .13f });
  for (int i = 0; i < n * n; i++) {
    float x = (i % n + .5f) / n - x0, y = ((i / n + .5f) / n - y0) / h; /* y: 0 foot … -1 top */
    if (fabsf (x) > h || y < -1.2f || y > .1f)
      continue;
    lay (c, i, trunk, clamp01 (.5f - fmaxf (fabsf (x) - .065f * h, fmaxf (y, -.6f - y) * h) * n));
    float d = cone ? fmaxf (fabsf (x) - .34f * h * (y + 1.05f), (y + .24f) * h) * .9f
                   : hypotf (x, (y + .66f) * h) - .36f * h + .02f * h * sinf (22 * y + 40 * x);
    lay (c, i, shade (leaf, clamp01 (-y - x / h) * .26f - .14f), clamp01 (.5f - d * n));
  }
}

static void
house (Canvas *c, float x0, float y0, float w)
{
  int n = c->n;
  const Scene *s = c->s;
  Rgb wall = lit (s, paint (c, s->house_colour)), roof = shade (wall, s->house_colour == BLACK ? .22f : -.42f);
  Rgb pane = s->time == NIGHT ? (Rgb) { 1, .85f, .42f } : lit (s, (Rgb) { .75f, .86f, .93f });
  for (int i = 0; i < n * n; i++) {
    float x = (i % n + .5f) / n - x0, y = ((i / n + .5f) / n - y0);
    if (fabsf (x) > w || y < -1.4f * w || y > .1f)
      continue;
    float body = fmaxf (fabsf (x) - .5f * w, fmaxf (y - .03f, -.62f * w - y));
    float top = fmaxf (fabsf (x) * .75f - .66f * (y + 1.12f * w) * .9f, y + .58f * w) * .8f;
    float door = fmaxf (fabsf (x + .2f * w) - .1f * w, fmaxf (y, -.36f * w - y));
    float window = fmaxf (fabsf (x - .2f * w) - .1f * w, fabsf (y + .33f * w) - .1f * w);
    lay (c, i, shade (wall, -.16f * clamp01 (.5f + x / w)), clamp01 (.5f - body * n));
    lay (c, i, roof, clamp01 (.5f - top * n));
    lay (c, i, shade (roof, -.35f), clamp01 (.5f - door * n));
    lay (c, i, pane, clamp01 (.5f - window * n));
  }
}

static void
draw_landscape (Canvas *c)
{
  const Scene *s = c->s;
  Rgb col = lit (s, paint (c, s->land_colour));
  Ridge near = { .base = s->horizon + .03f, .p1 = rng_range (&c->rng, .3f, .7f), .p2 = rng_range (&c->rng, 0, 6) };
  Ridge far = { .base = s->horizon - .01f, .a1 = .05f, .f1 = 7, .p1 = rng_range (&c->rng, 0, 1), .a2 = .02f, .f2 = 11 };

  sky (c);
  clouds (c);
  switch (s->land) {
  case NO_LAND: return;
  case SEA: water (c, col); return;
  case HILL:
    near.a1 = rng_range (&c->rng, .11f, .15f), near.f1 = 4.2f, near.a2 = .012f, near.f2 = 9;
    near.base += .05f;
    break;
  case HILLS:
    near.a1 = .06f, near.f1 = 6, near.a2 = .03f, near.f2 = 10;
    near.base += .08f;
    ground (c, &far, mixc (col, c->at[(int) (s->horizon * c->n - 3) * c->n], .35f), .3f, false);
    break;
  case MOUNTAINS:
    near.peak = rng_range (&c->rng, .3f, .38f), near.f1 = rng_range (&c->rng, 1.6f, 2.2f), near.a2 = .02f, near.f2 = 17;
    near.base += .16f;
    break;
  case DUNES: near.a1 = .04f, near.f1 = 5, near.a2 = .025f, near.f2 = 9; break;
  case FIELD: near.a1 = .006f, near.f1 = 5; break;
  }
  ground (c, &near, col, s->land == HILL || s->land == HILLS ? .55f : .35f,
          s->land == MOUNTAINS && s->land_colour != WHITE);

  float x = rng_range (&c->rng, .3f, .7f);
  if (s->house)
    house (c, x, ridge_at (&near, x) + .025f, .27f);
  bool cone = rng_chance (&c->rng, .35f);
  for (int k = 0; k < s->n_trees; k++) {
    float tx = s->n_trees == 1 && !s->house ? rng_range (&c->rng, .35f, .65f)
               : s->house                    ? x + (x > .5f ? -.29f : .29f) + (x > .5f ? -.2f : .2f) * k
                                             : .2f + .3f * k + rng_range (&c->rng, -.05f, .05f);
    float h = s->n_trees == 1 && !s->house ? .36f : .27f;
    tree (c, tx, ridge_at (&near, tx) + .02f, h * rng_range (&c->rng, .92f, 1.08f), cone);
  }
}

void
scene_draw (const Scene *s, int size, uint8_t *rgb)
{
  Canvas c = { .n = size, .s = s, .rng = rng_new (s->look, 1) };
  c.at = malloc (sizeof *c.at * size * size);
  if (!c.at)
    abort ();
  (s->landscape ? draw_landscape : draw_shapes) (&c);
  float grain = rng_range (&c.rng, .0f, .006f);
  Rng noise = rng_new (s->look, 2);
  for (int i = 0; i < size * size; i++) {
    float g = rng_range (&noise, -grain, grain);
    rgb[3 * i] = clamp01 (c.at[i].r + g) * 255 + .5f;
    rgb[3 * i + 1] = clamp01 (c.at[i].g + g) * 255 + .5f;
    rgb[3 * i + 2] = clamp01 (c.at[i].b + g) * 255 + .5f;
  }
  free (c.at);
}
