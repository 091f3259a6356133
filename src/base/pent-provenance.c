/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pent-provenance.h"

#include "pent-error.h"

#define RECIPE_KEY "pentimento"
#define XMP \
  "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" \
  "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n" \
  " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n" \
  "  <rdf:Description rdf:about=\"\"\n" \
  "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n" \
  "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"\n" \
  "    xmp:CreatorTool=\"Pentimento " VERSION "\"\n" \
  "    Iptc4xmpExt:DigitalSourceType=" \
  "\"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\"/>\n" \
  " </rdf:RDF>\n" \
  "</x:xmpmeta>\n" \
  "<?xpacket end=\"r\"?>"

GHashTable *
pent_provenance_write (const PentRecipe *recipe)
{
  GHashTable *texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  g_hash_table_insert (texts, g_strdup (RECIPE_KEY), pent_recipe_to_json (recipe));
  g_hash_table_insert (texts, g_strdup ("parameters"), pent_recipe_to_parameters (recipe));
  g_hash_table_insert (texts, g_strdup ("XML:com.adobe.xmp"), g_strdup (XMP));
  return texts;
}

PentRecipe *
pent_provenance_read (GHashTable *texts, const char *name, GError **error)
{
  const char *json = g_hash_table_lookup (texts, RECIPE_KEY);
  PentRecipe *recipe;

  if (json == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” holds no recipe of Pentimento", name);
      return NULL;
    }
  recipe = pent_recipe_from_json (json, error);
  if (recipe == NULL)
    g_prefix_error (error, "“%s”: ", name);
  return recipe;
}
