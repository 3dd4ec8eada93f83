using System.Runtime.InteropServices;

namespace Faith.PtxInterpreter;

// Graphs of kernel nodes.
public static unsafe partial class SimulatedDriver
{
    /// <summary>CUDA_KERNEL_NODE_PARAMS of cuda.h, as its functions without a version in their names take it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct NodeParameters
    {
        [FieldOffset(0)] public nint Function;
        [FieldOffset(8)] public fixed uint Grid[3];
        [FieldOffset(20)] public fixed uint Block[3];
        [FieldOffset(32)] public uint SharedBytes;
        [FieldOffset(40)] public void** Arguments;
        [FieldOffset(48)] public void** Extra;
    }

    private sealed record Graph
    {
        public List<nint> Nodes { get; } = [];
    }

    private sealed record Node(nint Graph, KernelCall Call, nint[] After);

    /// <summary>An instantiated graph: the nodes as they were then, by the handles of the graph's.</summary>
    private sealed record Executable(nint Graph, Dictionary<nint, Node> Nodes);

    [UnmanagedCallersOnly]
    private static int GraphCreate(nint* graph, uint flags)
    {
        *graph = SimulatedGpu.Add(new Graph());
        return flags != 0 ? InvalidValue : Ready();
    }

    [UnmanagedCallersOnly]
    private static int GraphAddKernelNode(nint* node, nint graph, nint* dependencies, nuint count, NodeParameters* parameters)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (SimulatedGpu.Get<Graph>(graph) is not { } item)
            return InvalidHandle;
        var after = new Span<nint>(dependencies, (int)count).ToArray();
        if (after.Distinct().Count() != after.Length || after.Any(d => SimulatedGpu.Get<Node>(d)?.Graph != graph))
            return InvalidValue;
        if (Take(parameters, out var call) is not 0 and var refused)
            return refused;
        *node = SimulatedGpu.Add(new Node(graph, call!, after));
        item.Nodes.Add(*node);
        return 0;
    }

    // The nodes live as long as their graph.
    [UnmanagedCallersOnly]
    private static int GraphDestroy(nint graph)
    {
        if (SimulatedGpu.Get<Graph>(graph) is not { } item)
            return InvalidHandle;
        item.Nodes.ForEach(n => SimulatedGpu.Remove(n));
        return SimulatedGpu.Remove(graph) ? 0 : InvalidHandle;
    }

    [UnmanagedCallersOnly]
    private static int GraphInstantiate(nint* executable, nint graph, ulong flags)
    {
        if (SimulatedGpu.Get<Graph>(graph) is not { } item)
            return InvalidHandle;
        SimulatedGpu.GraphsBuilt++;
        *executable = SimulatedGpu.Add(new Executable(graph, item.Nodes.ToDictionary(n => n, n => SimulatedGpu.Get<Node>(n)!)));
        return flags != 0 ? InvalidValue : Ready();
    }

    [UnmanagedCallersOnly]
    private static int GraphExecKernelNodeSetParams(nint executable, nint node, NodeParameters* parameters)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (SimulatedGpu.Get<Executable>(executable) is not { } item)
            return InvalidHandle;
        // A node is named by that of the graph, which must still be there, and keeps its kernel.
        if (SimulatedGpu.Get<Node>(node) is not { } named || named.Graph != item.Graph || !item.Nodes.TryGetValue(node, out var old))
            return InvalidValue;
        if (Take(parameters, out var call) is not 0 and var refused)
            return refused;
        if (call!.Function != old.Call.Function)
            return InvalidValue;
        SimulatedGpu.NodeUpdates++;
        if (!SimulatedGpu.IgnoreNodeUpdates)
            item.Nodes[node] = old with { Call = call };
        return 0;
    }

    // Of the nodes whose dependencies are done, the one that was added last goes first: a missing dependency shows.
    [UnmanagedCallersOnly]
    private static int GraphLaunch(nint executable, nint stream)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (SimulatedGpu.Get<Executable>(executable) is not { } item || !IsStream(stream))
            return InvalidHandle;
        SimulatedGpu.GraphLaunches++;
        var missing = item.Nodes.ToDictionary(n => n.Key, n => n.Value.After.Length);
        var ready = new Stack<nint>(item.Nodes.Keys.Where(n => missing[n] == 0));
        var dependents = item.Nodes.SelectMany(n => n.Value.After.Select(d => (Of: d, Node: n.Key))).ToLookup(pair => pair.Of, pair => pair.Node);
        while (ready.TryPop(out var node))
        {
            if (Run(item.Nodes[node].Call) is not 0 and var failed)
                return failed;
            foreach (var next in dependents[node])
                if (--missing[next] == 0)
                    ready.Push(next);
        }
        return 0;
    }

    private static int Take(NodeParameters* p, out KernelCall? call)
    {
        call = null;
        return p->Arguments is null || p->Extra is not null ? InvalidValue
            : Take(p->Function, new(p->Grid[0], p->Grid[1], p->Grid[2]), new(p->Block[0], p->Block[1], p->Block[2]), p->SharedBytes, p->Arguments,
                extra: null, out call);
    }
}
