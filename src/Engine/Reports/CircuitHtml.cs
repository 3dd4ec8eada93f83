namespace Faith.Engine.Reports;

/// <summary>A page around the SVG of a circuit, with a small script of its own.</summary>
internal static class CircuitHtml
{
    public static string Draw(DrawnCircuit drawn) => Page(drawn.Title, drawn.Edges.Count, [0, drawn.Graph.LogitsNode.Index], CircuitSvg.Draw(drawn));

    /// <summary>The page.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="count">Edges of the picture, which have ranks from 1.</param>
    /// <param name="ends">Nodes that are shown with any number of edges.</param>
    /// <param name="svg">The picture.</param>
    public static string Page(string title, int count, IEnumerable<int> ends, string svg)
    {
        return $$$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{{{SvgText.Escape(title)}}}</title>
            <style>
            html { background: #ffffff; color: #1a202c; color-scheme: light; font: 14px {{{SvgText.Fonts}}}; }
            body { margin: 0; }
            header { position: sticky; top: 0; background: #ffffff; border-bottom: 1px solid #e2e8f0; padding: 8px 20px; }
            input { width: min(420px, 40vw); vertical-align: middle; }
            svg { max-width: 100%; height: auto; display: block; margin: auto; }
            .n { cursor: pointer; }
            </style>
            </head>
            <body>
            <header><label>Strongest edges
            <input id="count" type="range" min="{{{Math.Min(1, count)}}}" max="{{{count}}}" value="{{{count}}}">
            <output id="shown">{{{count}}}</output> of {{{count}}}</label>
            <span id="told"></span></header>
            {{{svg}}}<script>
            const edges = [...document.querySelectorAll('.e')], nodes = [...document.querySelectorAll('.n')];
            const slider = document.getElementById('count'), told = document.getElementById('told');
            const inputs = new Set([{{{string.Join(", ", ends.Select(node => $"'{node}'"))}}}]);
            let held = null;
            function show() {
              const touched = new Set(inputs);
              document.getElementById('shown').textContent = slider.value;
              for (const e of edges) {
                const on = +e.dataset.rank <= +slider.value;
                e.classList.toggle('off', !on);
                if (on) { touched.add(e.dataset.from); touched.add(e.dataset.to); }
              }
              for (const n of nodes) n.classList.toggle('off', !touched.has(n.dataset.node));
            }
            function light(id) {
              const near = new Set([id]);
              for (const e of edges) {
                const mine = id === null || e.dataset.from === id || e.dataset.to === id;
                e.classList.toggle('dim', !mine);
                if (mine) { near.add(e.dataset.from); near.add(e.dataset.to); }
              }
              for (const n of nodes) n.classList.toggle('dim', id !== null && !near.has(n.dataset.node));
              const node = nodes.find(n => n.dataset.node === id);
              told.textContent = node ? node.querySelector('title').textContent : '';
            }
            slider.addEventListener('input', show);
            for (const n of nodes) {
              n.addEventListener('pointerenter', () => light(n.dataset.node));
              n.addEventListener('pointerleave', () => light(held));
              n.addEventListener('click', event => {
                held = held === n.dataset.node ? null : n.dataset.node;
                light(held);
                event.stopPropagation();
              });
            }
            document.addEventListener('click', event => { if (!event.target.closest('header')) { held = null; light(null); } });
            show();
            </script>
            </body>
            </html>

            """;
    }
}
