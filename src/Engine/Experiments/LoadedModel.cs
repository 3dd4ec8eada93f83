using Faith.Engine.Graphs;
using Faith.Engine.Hub;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tokenizers;
using Faith.Kernels;

namespace Faith.Engine.Experiments;

/// <summary>A model's files, and its parameters on a device once it is to run.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly ModelWeights weights;
    private IReadOnlyList<Device> devices = [];
    private TransformerSet? models;

    private LoadedModel(string name, ModelWeights weights, Tokenizer? tokenizer)
    {
        Name = name;
        this.weights = weights;
        Tokenizer = tokenizer;
    }

    /// <summary>The model as it was named.</summary>
    public string Name { get; }

    /// <summary>Its tokenizer, or null when the directory holds none; one that cannot be used says so when text is to be encoded.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Its description.</summary>
    public ModelConfig Config => weights.Config;

    /// <summary>Its parameters, still in the files.</summary>
    public ModelWeights Weights => weights;

    /// <summary>Its graph.</summary>
    public ModelGraph Graph => new(Config.Layers, Config.Heads, Config.ParallelBlocks);

    /// <summary>SHA-256 of its files.</summary>
    public string Hash => weights.Hash;

    /// <summary>Reads the files; the parameters stay there until <see cref="On"/>.</summary>
    /// <param name="name">A directory, or the name of a shipped model or of a repository in the cache.</param>
    /// <param name="begin">Whether texts begin with the model's begin token.</param>
    /// <exception cref="InputException">A file is missing or unusable, or texts should begin with a token that the files do not name.</exception>
    public static LoadedModel Load(string name, BeginTokenUse begin = BeginTokenUse.AsFilesSay)
    {
        var directory = ModelCatalog.Resolve(name);
        Tokenizer? tokenizer;
        try
        {
            tokenizer = TokenizerLoader.TryLoad(directory, begin);
        }
        catch (InputException e)
        {
            tokenizer = new UnreadableTokenizer(e);
        }
        var weights = ModelLoader.Load(directory);
        try
        {
            return new(name, weights, WithBegin(tokenizer ?? OfAnother(weights.Config.TokenizerRepository, name), begin, name, weights.Config));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    // Models of TransformerLens say whose tokenizer they use, and hold none of their own.
    private static Tokenizer? OfAnother(string? repository, string name)
    {
        if (repository is null || HubName.TryParse(repository) is not { } parsed) return null;
        try
        {
            if (HubCache.OfEnvironment().Find(parsed) is { } folder && TokenizerLoader.TryLoad(folder) is { } tokenizer) return tokenizer;
            return new UnreadableTokenizer(new($"{PlainText.Short(name)} has the tokenizer of {parsed}, which is not in the Hugging Face cache; faith pull {parsed} fetches it, or put tokenizer.json beside the model"));
        }
        catch (InputException e)
        {
            return new UnreadableTokenizer(e);
        }
    }

    // A tokenizer that encodes nothing puts nothing before it.
    private static Tokenizer? WithBegin(Tokenizer? tokenizer, BeginTokenUse use, string name, ModelConfig config)
    {
        if (tokenizer is null or UnreadableTokenizer || use == BeginTokenUse.AsFilesSay) return tokenizer;
        if (use == BeginTokenUse.Omit) return tokenizer.BeginToken is null ? tokenizer : new BeginTokenOverride(tokenizer, null);
        if (tokenizer.BeginToken is not null) return tokenizer;
        var token = config.BeginToken is { } id && id < tokenizer.Count ? id : throw new InputException($"--bos: the files of {name} name no token that begins a text (bos_token, bos_token_id); leave --bos out");
        return new BeginTokenOverride(tokenizer, token);
    }

    /// <summary>The model on one device, ready to run; opened by the first call.</summary>
    /// <exception cref="InputException">There is no such device, or the parameters do not fit on it.</exception>
    public Transformer On(DeviceChoice choice) => (models ??= PutOn([choice.Open()], choice)).First;

    /// <summary>The model on every device that was chosen; opened by the first call.</summary>
    /// <exception cref="InputException">One of them is not there, or the parameters do not fit on it.</exception>
    public TransformerSet OnAll(DeviceChoice choice) => models ??= PutOn(choice.OpenAll(), choice);

    private TransformerSet PutOn(IReadOnlyList<Device> opened, DeviceChoice choice)
    {
        devices = opened;
        try
        {
            return new TransformerSet(opened, weights, choice.Note);
        }
        catch (DeviceMemoryException e)
        {
            throw new InputException($"--device {choice.Name}: the parameters of {Name} do not fit: {e.Message}; take a device with more memory (faith plan says how much is needed)", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        models?.Dispose();
        foreach (var device in devices) device.Dispose();
        weights.Dispose();
    }
}
