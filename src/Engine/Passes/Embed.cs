using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>What the stream starts from: the token embeddings, which are what the node "input" puts out, and learned positions where the model has them.</summary>
internal static class Embed
{
    /// <summary>x = the embeddings of tokens [rows × d], with the model's factor and without positions.</summary>
    public static void Tokens(Transformer model, Indices tokens, Tensor x) => model.Device.GatherRows(model.Embedding, tokens, model.Config.EmbeddingScale, x);

    /// <summary>x += the learned positions.</summary>
    public static void AddPositions(Transformer model, PassLayout layout, Tensor x)
    {
        if (model.Positions is { } table) model.Device.GatherRows(table, layout.Positions, 1, x, add: true);
    }
}
