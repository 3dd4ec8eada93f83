using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>A sequence of launches as a CUDA graph: a chain of kernel nodes, issued with one call whatever the values of their parameters.</summary>
internal sealed unsafe class CudaGraph : IDisposable
{
    /// <summary>CUDA_KERNEL_NODE_PARAMS of cuda.h, in its first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NodeParameters
    {
        public nint Function;
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public void** KernelParameters;
        public void** Extra;
    }

    private readonly CudaDriver _driver;
    private readonly LaunchList _launches;
    // The nodes to change are named by those of the graph that was instantiated, so it lives as long.
    private readonly CudaHandle _graph;
    private readonly CudaHandle _executable = null!;
    private readonly nint[] _nodes;

    /// <summary>Builds the graph of some launches.</summary>
    public CudaGraph(CudaContext context, LaunchList launches)
    {
        _driver = context.Driver;
        _launches = launches.Copy();
        _nodes = new nint[launches.Count];
        nint graph, executable;
        _driver.Check(_driver.cuGraphCreate(&graph, 0));
        _graph = new(context, graph, _driver.cuGraphDestroy);
        try
        {
            nint node = 0;
            for (var i = 0; i < launches.Count; i++)
            {
                var before = node;
                fixed (byte* values = launches.Parameters(i))
                {
                    var arguments = (void*)values;
                    var parameters = Node(launches[i], &arguments);
                    _driver.Check(_driver.cuGraphAddKernelNode(&node, graph, i == 0 ? null : &before, (nuint)(i == 0 ? 0 : 1), &parameters),
                        $"cuGraphAddKernelNode({launches[i].Kernel})");
                }
                _nodes[i] = node;
            }
            _driver.Check(_driver.cuGraphInstantiateWithFlags(&executable, graph, 0));
            _executable = new(context, executable, _driver.cuGraphExecDestroy);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Issues launches of the same kernels: what differs from the last time is changed in the graph, which then runs as a whole.
    /// Where it still runs from the last time, that goes on with the old values.
    /// </summary>
    public void Launch(LaunchList launches, nint stream)
    {
        for (var i = 0; i < launches.Count; i++)
        {
            if (_launches.IsSame(i, launches))
                continue;
            fixed (byte* values = launches.Parameters(i))
            {
                var arguments = (void*)values;
                var parameters = Node(launches[i], &arguments);
                _driver.Check(_driver.cuGraphExecKernelNodeSetParams(_executable.Value, _nodes[i], &parameters),
                    $"cuGraphExecKernelNodeSetParams({launches[i].Kernel})");
            }
            _launches.Replace(i, launches);
        }
        _driver.Check(_driver.cuGraphLaunch(_executable.Value, stream), $"cuGraphLaunch({launches.Count} kernels)");
    }

    public void Dispose()
    {
        _executable?.Dispose();
        _graph.Dispose();
    }

    // The driver copies the values while it is called.
    private static NodeParameters Node(in KernelLaunch launch, void** arguments) => new()
    {
        Function = launch.Function,
        GridX = launch.GridX,
        GridY = launch.GridY,
        GridZ = launch.GridZ,
        BlockX = launch.Threads,
        BlockY = 1,
        BlockZ = 1,
        KernelParameters = arguments,
    };
}
