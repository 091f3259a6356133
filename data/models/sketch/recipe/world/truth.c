/* SPDX-License-Identifier: GPL-3.0-or-later
 * What is in a scene.  Colours are drawn evenly where a caption names them, so that no pairing is rare; pairs of shapes
 * are common, because which colour lies where is the last thing a model learns. */
#include "world.h"

#include <math.h>

static uint64_t
mix (uint64_t x)
{
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

Rng
rng_new (uint64_t seed, uint64_t stream)
{
  return (Rng) { .key = mix (mix (seed + 0x9e3779b97f4a7c15u) + stream * 0xd1342543de82ef95u) };
}

static uint32_t
rng_u32 (Rng *r)
{
  return mix (r->key + ++r->n * 0x9e3779b97f4a7c15u) >> 32;
}

uint32_t
rng_below (Rng *r, uint32_t n)
{
  return (uint64_t) rng_u32 (r) * n >> 32;
}

float
rng_range (Rng *r, float lo, float hi)
{
  return lo + (hi - lo) * (rng_u32 (r) >> 8) * 0x1p-24f;
}

bool
rng_chance (Rng *r, float p)
{
  return rng_range (r, 0, 1) < p;
}

static Colour
any_colour_but (Rng *r, Colour a, Colour b)
{
  Colour c;
  do
    c = rng_below (r, N_COLOURS);
  while (c == a || c == b);
  return c;
}

static float
radius (Rng *r, Size size, int n)
{
  static const float base[] = { [MEDIUM] = .2f, [SMALL] = .115f, [LARGE] = .29f };
  return fminf (base[size] * rng_range (r, .92f, 1.08f) * (n == 1 ? 1.15f : n == 2 ? .9f : .7f), n == 2 ? .215f : .34f);
}

static void
put (Item *it, float x, float y, float r) /* wholly within the picture */
{
  float edge = 1.1f * r + .02f;
  it->x = fminf (fmaxf (x, edge), 1 - edge);
  it->y = fminf (fmaxf (y, edge), 1 - edge);
  it->r = r;
}

static void
new_shapes (Scene *s, Rng *r)
{
  static const uint8_t counts[] = { 1, 1, 2, 2, 2, 2, 2, 2, 2, 3 };
  bool alike = false;

  s->n_items = counts[rng_below (r, sizeof counts)];
  s->plain = rng_chance (r, .5f);
  s->ground = s->plain ? WHITE : rng_below (r, N_COLOURS);
  alike = s->n_items > 1 && rng_chance (r, .1f); /* "two red circles" */
  for (int i = 0; i < s->n_items; i++) {
    Item *it = &s->items[i];
    it->shape = rng_below (r, rng_chance (r, .7f) ? 4 : N_SHAPES);
    it->colour = any_colour_but (r, s->ground, s->ground);
    it->size = rng_chance (r, .6f) ? MEDIUM : rng_chance (r, .5f) ? SMALL : LARGE;
    if (alike && i)
      *it = s->items[0];
    it->r = radius (r, it->size, s->n_items);
  }

  Item *a = &s->items[0], *b = &s->items[1], *c = &s->items[2];
  float u = rng_range (r, -.04f, .04f), v = rng_range (r, -.04f, .04f), w = rng_range (r, -.04f, .04f);
  if (s->n_items == 1) {
    static const Place places[] = { CENTRE, CENTRE, CENTRE, AT_LEFT, AT_RIGHT, AT_TOP, AT_BOTTOM };
    s->layout = ALONE;
    s->place = places[rng_below (r, 7)];
    if (s->place != CENTRE && a->size == LARGE)
      a->r = radius (r, a->size = MEDIUM, 1);
    float off = .27f;
    put (a, .5f + v + (s->place == AT_RIGHT) * off - (s->place == AT_LEFT) * off,
         .5f + w + (s->place == AT_BOTTOM) * off - (s->place == AT_TOP) * off, a->r);
  } else if (s->n_items == 2) {
    static const Layout layouts[] = { LEFT_OF, LEFT_OF, LEFT_OF, LEFT_OF, ABOVE, ABOVE, ABOVE, LOOSE, INSIDE };
    s->layout = alike ? LOOSE : layouts[rng_below (r, 9)];
    bool across = s->layout == LEFT_OF || (s->layout == LOOSE && rng_chance (r, .5f));
    bool swap = s->layout == LOOSE && rng_chance (r, .5f);
    if (s->layout == INSIDE) {
      a->size = b->size = MEDIUM;
      if (b->shape == RING || b->shape == STAR)
        b->shape = CIRCLE;
      put (b, .5f + u, .5f + v, rng_range (r, .3f, .34f));
      put (a, b->x, b->y + (b->shape == TRIANGLE ? .05f : 0), rng_range (r, .11f, .14f));
    } else if (across) {
      put (swap ? b : a, .27f + u, .5f + 2 * v, (swap ? b : a)->r);
      put (swap ? a : b, .73f + w, .5f + 2 * rng_range (r, -.04f, .04f), (swap ? a : b)->r);
    } else {
      put (swap ? b : a, .5f + 2 * v, .27f + u, (swap ? b : a)->r);
      put (swap ? a : b, .5f + 2 * rng_range (r, -.04f, .04f), .73f + w, (swap ? a : b)->r);
    }
  } else {
    s->layout = rng_chance (r, .45f) ? ROW : rng_chance (r, .6f) ? COLUMN : LOOSE;
    if (alike && s->layout == LOOSE)
      s->layout = ROW;
    for (int i = 0; i < 3; i++) {
      Item *it = &s->items[i];
      float along = .2f + .3f * i + rng_range (r, -.015f, .015f), side = .5f + rng_range (r, -.06f, .06f);
      if (it->size == LARGE)
        it->size = MEDIUM, it->r = radius (r, MEDIUM, 3);
      put (it, s->layout == COLUMN ? side : along, s->layout == COLUMN ? along : side, it->r);
    }
    if (s->layout == LOOSE) {
      bool up = rng_chance (r, .5f);
      put (a, .27f + u, up ? .3f : .7f, a->r);
      put (b, .73f + v, up ? .3f : .7f, b->r);
      put (c, .5f + w, up ? .72f : .28f, c->r);
    }
  }
}

static void
new_landscape (Scene *s, Rng *r)
{
  static const Time times[] = { DAY, DAY, DAY, SUNSET, SUNSET, DAWN, DAWN, NIGHT, NIGHT, NIGHT, OVERCAST, PLAIN_SKY };
  static const Land lands[] = { NO_LAND, NO_LAND, NO_LAND, HILL,  HILL,      HILL,
                                HILLS,   HILLS,   SEA,     SEA,   FIELD,     MOUNTAINS, DUNES };
  static const Colour usual[] = { [NO_LAND] = GREEN, [HILL] = GREEN, [HILLS] = GREEN,    [SEA] = BLUE,
                                  [FIELD] = GREEN,   [DUNES] = YELLOW, [MOUNTAINS] = GREY };

  s->landscape = true;
  s->time = times[rng_below (r, sizeof times / sizeof *times)];
  s->sky = rng_below (r, N_COLOURS);
  s->land = lands[rng_below (r, sizeof lands / sizeof *lands)];
  s->land_colour = rng_chance (r, .4f) ? usual[s->land] : rng_below (r, N_COLOURS);
  if (s->time == PLAIN_SKY && s->land_colour == s->sky)
    s->land_colour = any_colour_but (r, s->sky, s->sky);
  s->horizon = rng_range (r, .55f, .72f);
  s->n_clouds = rng_chance (r, s->land == NO_LAND ? .85f : .45f) ? 1 + rng_below (r, rng_chance (r, .55f) ? 1 : 3) : 0;
  Colour plain = s->time == PLAIN_SKY ? s->sky : N_COLOURS;
  s->cloud = rng_chance (r, .25f) && plain != WHITE ? WHITE : any_colour_but (r, plain, s->time == DAY ? BLUE : plain);
  s->sun = s->time == DAY ? rng_chance (r, .45f) : s->time == SUNSET || s->time == DAWN ? rng_chance (r, .6f) : false;
  s->stars = s->time == NIGHT && rng_chance (r, .75f);
  s->moon = s->time == NIGHT && rng_chance (r, .5f) ? 1 + rng_below (r, 2) : NO_MOON;
  if (s->land != NO_LAND && s->land != SEA && s->land != MOUNTAINS) {
    s->house = rng_chance (r, .28f);
    s->house_colour = any_colour_but (r, s->land_colour, s->land_colour);
    s->n_trees = s->land != DUNES && rng_chance (r, .35f) ? 1 + rng_below (r, s->house ? 2 : 3) : 0;
    s->tree = rng_chance (r, .5f) && s->land_colour != GREEN ? GREEN : any_colour_but (r, s->land_colour, BLUE);
  }
}

Scene
scene_new (uint64_t seed, uint64_t index)
{
  Rng r = rng_new (seed, index);
  Scene s = { .look = mix (r.key) };

  if (rng_chance (&r, .35f))
    new_landscape (&s, &r);
  else
    new_shapes (&s, &r);
  return s;
}
