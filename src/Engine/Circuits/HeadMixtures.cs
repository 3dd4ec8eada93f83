using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// What mixtures of a layer's heads make of the stream where attention's output is normed (method.md §8): heads do not add up there, and
/// what v reads of the layer is N_post(o_corr + Σ_{h: (h,v) in circuit} (o_h − o_h,corr)). The differences of these from N_post(o_corr) stand behind
/// those of the nodes, each distinct mixture once, and take the place of their heads in the lists that inputs are mixed from.
/// </summary>
internal sealed class HeadMixtures
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly CorruptedRun corrupted;
    private readonly NodeDifferences differences;
    private readonly RowMatrices[] ablated;
    private readonly (Dictionary<int[], int> Places, int Count)[] held = [New(), New()];
    private IReadOnlyList<ProgramNode> nodes = [];

    /// <summary>Room for what the corrupted run has.</summary>
    public HeadMixtures(Transformer model, Arena arena, PassLayout layout, CorruptedRun corrupted, NodeDifferences differences)
    {
        (this.model, this.layout, this.corrupted, this.differences) = (model, layout, corrupted, differences);
        ablated = [.. Enumerable.Range(0, model.Config.Layers).Select(_ => new RowMatrices(arena, layout.Rows, model.Config.Width))];
    }

    /// <summary>Mixtures that there is room for: at least one of every layer.</summary>
    public int Room => differences.Held;

    /// <summary>Takes the corrupted run, which has been made.</summary>
    public void Start()
    {
        for (var l = 0; l < ablated.Length; l++)
        {
            // Of a narrow layer's output there are the last rows only; nothing reads others.
            foreach (var allRows in layout.Rows.IsNarrow(l) ? (bool[])[false] : [true, false]) Norm(l, allRows, [[]], Ablated(l, allRows));
        }
    }

    /// <summary>Forgets the mixtures of other nodes.</summary>
    public void Use(CircuitProgram program)
    {
        nodes = program.Nodes;
        for (var i = 0; i < held.Length; i++) held[i] = New();
    }

    /// <summary>How many lists, from the first on, there is room for at a time: one at least.</summary>
    public int Fit(bool allRows, ReadOnlySpan<int[]> lists)
    {
        var fit = Count(allRows, lists);
        if (fit == lists.Length) return fit;
        held[Index(allRows)] = New();
        return Count(allRows, lists);
    }

    /// <summary>The lists with mixtures in the place of heads, which are formed where they are not there yet. The lists <see cref="Fit"/>.</summary>
    public int[][] Replace(bool allRows, ReadOnlySpan<int[]> lists)
    {
        var index = Index(allRows);
        foreach (var layer in Parts(lists).Where(part => part.Layer is not null).GroupBy(part => part.Layer!.Value, part => part.Places))
        {
            int[][] missing = [.. layer.Distinct(ListComparer.Instance).Where(places => !held[index].Places.ContainsKey(places))];
            if (missing.Length == 0) continue;
            var first = differences.Held + held[index].Count;
            foreach (var places in missing) held[index].Places[places] = differences.Held + held[index].Count++;
            Norm(layer.Key, allRows, missing, differences.At(first, allRows, missing.Length));
            for (var i = 0; i < missing.Length; i++) model.Device.AddScaled(Ablated(layer.Key, allRows), -1, differences.At(first + i, allRows));
        }
        var replaced = new int[lists.Length][];
        for (var i = 0; i < lists.Length; i++) replaced[i] = [.. Parts(lists[i]).SelectMany(part => part.Layer is null ? part.Places : [held[index].Places[part.Places]])];
        return replaced;
    }

    private int Count(bool allRows, ReadOnlySpan<int[]> lists)
    {
        var known = held[Index(allRows)];
        var added = new HashSet<int[]>(ListComparer.Instance);
        for (var i = 0; i < lists.Length; i++)
        {
            added.UnionWith(Parts(lists[i]).Where(part => part.Layer is not null && !known.Places.ContainsKey(part.Places)).Select(part => part.Places));
            if (known.Count + added.Count > Room) return i;
        }
        return lists.Length;
    }

    private List<(int? Layer, int[] Places)> Parts(ReadOnlySpan<int[]> lists)
    {
        var parts = new List<(int? Layer, int[] Places)>();
        foreach (var list in lists) parts.AddRange(Parts(list));
        return parts;
    }

    /// <summary>A list cut into the heads of each layer, and what is no head.</summary>
    private IEnumerable<(int? Layer, int[] Places)> Parts(int[] list)
    {
        for (int start = 0, end; start < list.Length; start = end)
        {
            var layer = LayerOfHead(list[start]);
            for (end = start + 1; end < list.Length && LayerOfHead(list[end]) == layer;) end++;
            yield return (layer, list[start..end]);
        }
    }

    private int? LayerOfHead(int place) => model.Graph.PlaceOf(nodes[place].Source) is { Kind: NodeKind.Head, Layer: var layer } ? layer : null;

    /// <summary>y = N_post(o_corr + Σ of the listed places) of a layer, one after another.</summary>
    private void Norm(int l, bool allRows, ReadOnlySpan<int[]> lists, Tensor y) =>
        model.Device.Mix(differences.MixNodes(corrupted.Layer(l, allRows).AttentionOutput, allRows, lists, model.AttentionBlock(l).OutputNorm), y);

    private Tensor Ablated(int l, bool allRows) => allRows ? ablated[l].All : ablated[l].Last;

    private static int Index(bool allRows) => allRows ? 0 : 1;

    private static (Dictionary<int[], int>, int) New() => (new(ListComparer.Instance), 0);
}
